using Weft.Benchmarks;

// A suite that can't be measured here says why and still exits with 0: a figure that is missing is no failure of a
// build.
if (args is [])
{
    Console.Error.WriteLine(
        "usage: bench/run SUITE [--quick]    suites: start, plugins, relay, listeners, reads, attack, ipam, soak"
    );
    return 64;
}

var quick = args.Contains("--quick");
var bin = Environment.GetEnvironmentVariable("WEFT_BIN") is { Length: > 0 } given ? given : "artifacts/weft/bin";
switch (args[0])
{
    case "start":
        StartSuite.Run(bin, quick);
        return 0;
    case "plugins":
        PluginsSuite.Run(quick);
        return 0;
    case "relay":
        RelaySuite.Run(bin, quick);
        return 0;
    case "listeners":
        ListenersSuite.Run(bin, quick);
        return 0;
    case "reads":
        await ReadsSuite.Run(bin, quick);
        return 0;
    case "attack":
        await AttackSuite.Run(bin, quick);
        return 0;
    case "ipam":
        await IpamSuite.Run(bin, quick);
        return 0;
    case "soak":
        await SoakSuite.Run(bin, quick);
        return 0;
    default:
        Console.Error.WriteLine(
            $"bench: there is no suite '{args[0]}'; there are: start, plugins, relay, listeners, reads, attack, ipam, soak"
        );
        return 64;
}
