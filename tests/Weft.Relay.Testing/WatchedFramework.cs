using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace Weft.Relay.Testing;

/// <summary>xunit's own framework, with the <see cref="Watchdog"/> told of every test that begins and ends.</summary>
public sealed class WatchedFramework : XunitTestFramework
{
    protected override ITestFrameworkExecutor CreateExecutor(Assembly assembly) =>
        new Executor(new XunitTestAssembly(assembly));

    private sealed class Executor(IXunitTestAssembly assembly) : XunitTestFrameworkExecutor(assembly)
    {
        public override ValueTask RunTestCases(
            IReadOnlyCollection<IXunitTestCase> testCases,
            IMessageSink executionMessageSink,
            ITestFrameworkExecutionOptions executionOptions,
            CancellationToken cancellationToken
        ) => base.RunTestCases(testCases, new Sink(executionMessageSink), executionOptions, cancellationToken);
    }

    /// <summary>Hears a test before its class is made, and so too one that hangs in its constructor.</summary>
    private sealed class Sink(IMessageSink next) : IMessageSink
    {
        public bool OnMessage(IMessageSinkMessage message)
        {
            if (message is ITestStarting starting)
                Watchdog.Current.Started(starting.TestUniqueID, starting.TestDisplayName);
            else if (message is ITestFinished finished)
                Watchdog.Current.Ended(finished.TestUniqueID);
            return next.OnMessage(message);
        }
    }
}

/// <summary>Gives the <see cref="Watchdog"/> the means to cancel the test, whose token its waits should heed.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class WatchedAttribute : BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        var context = TestContext.Current;
        Watchdog.Current.Cancellable(test.UniqueID, test.TestDisplayName, context.CancelCurrentTest);
    }

    public override void After(MethodInfo methodUnderTest, IXunitTest test) => Watchdog.Current.Ended(test.UniqueID);
}
