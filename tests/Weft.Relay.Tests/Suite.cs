// Every test has a limit, and a suite that hangs ends by itself and says where.
[assembly: TestFramework(typeof(WatchedFramework))]
[assembly: Watched]
