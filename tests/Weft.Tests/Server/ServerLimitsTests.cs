using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Weft.Fleet.Quotas;
using Weft.Relay.Transport;
using Weft.Server;
using Weft.Server.Relays;

namespace Weft.Tests.Server;

/// <summary>The numbers of the file that <c>--limits</c> names.</summary>
public sealed partial class ServerLimitsTests
{
    [Fact]
    public void Reads_NumbersOfEachObject_AndKeepsTheOthers()
    {
        var limits = Read(
            """
            {"mtuHighest":9000,
             "relay":{"sessions":7,"responseSeconds":120,"drainMilliseconds":5000,"connections":100,"senderTokenSkewSeconds":0},
             "management":{"connectionsPerSource":60,"bodySeconds":9,"plans":3},
             "leases":{"perNode":220,"keptPercent":0}}
            """
        ).Value;
        Assert.Equal(
            (9000, 3, 7, 2048),
            (
                limits.Fleet.MtuHighest,
                limits.Fleet.ReservedAddresses,
                limits.Relay.Server.Sessions,
                limits.Relay.Server.PendingPerConnection
            )
        );
        Assert.Equal(
            (TimeSpan.FromMinutes(2), TimeSpan.FromSeconds(5), TimeSpan.Zero),
            (limits.Relay.Server.ResponseTimeout, limits.Relay.Drain, limits.Relay.Server.SenderTokenSkew)
        );
        Assert.Equal((100, 60), (limits.Relay.Connections.Total, limits.Management.Connections.PerSource));
        Assert.Equal(
            (TimeSpan.FromSeconds(9), 3, 1, 220, 0, 300_000),
            (
                limits.Management.BodyTimeout,
                limits.Management.Plans.Running,
                limits.Management.Plans.RunningPerPrincipal,
                limits.Leases.PerNode,
                limits.Leases.KeptPercent,
                limits.Leases.PerCluster
            )
        );
        Assert.Equal(ServerLimits.Default, Read("{}").Value);
    }

    /// <summary>All findings at once, each with its member, its value and what it may be.</summary>
    [Theory]
    [InlineData("""{"relay":{"sessions":0}}""", "'relay.sessions'", "1 to 1000000")]
    [InlineData("""{"relay":{"headerBytes":65536}}""", "'relay.headerBytes'", "32768")]
    [InlineData("""{"relay":{"listenerTokenGraceSeconds":59}}""", "'relay.listenerTokenGraceSeconds'", "60 to 3600")]
    [InlineData("""{"relay":{"sesions":1}}""", "'sesions'", "did you mean 'sessions'")]
    [InlineData("""{"relay":{"sessions":"many"}}""", "'relay.sessions'", "whole number")]
    [InlineData("""{"relay":{"sessions":1.5}}""", "'relay.sessions'", "whole number")]
    [InlineData("""{"relay":7}""", "'relay'", "object")]
    [InlineData("""{"management":{"connections":1}}""", "'management.connections'", "16 to 1000000")]
    [InlineData(
        """{"management":{"bodyBytesPerCredential":4194303}}""",
        "'management.bodyBytesPerCredential'",
        "4194304"
    )]
    [InlineData("""{"leases":{"keptPercent":91}}""", "'leases.keptPercent'", "0 to 90")]
    [InlineData("""{"leases":{"perNod":1}}""", "'perNod'", "did you mean 'perNode'")]
    [InlineData("""{"relay":{"sessions":0},"vlanLowest":0}""", "'relay.sessions'", "'vlanLowest'")]
    public void Refuses_NumbersOutOfTheirRange(string text, params string[] words)
    {
        var message = Read(text).Refusal!.Message;
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    /// <summary>Each number at both ends of its range, which the relay takes.</summary>
    [Fact]
    public void Takes_EachNumberAtTheEndsOfItsRange()
    {
        foreach (var row in RelayLimits.Rows)
        {
            foreach (var number in (long[])[row.Least, row.Most])
            {
                var text = $$$"""{"relay":{"{{{row.Name}}}":{{{number}}}}}""";
                var limits = Read(text).Value.Relay;
                Assert.Equal((row.Name, number), (row.Name, row.Read(limits)));
                limits.Server.Validate();
                Assert.All(
                    RelayLimits.Rows.Where(other => other != row),
                    other => Assert.Equal(other.Read(RelayLimits.Default), other.Read(limits))
                );
            }
        }
    }

    [Fact]
    public void Takes_EachOtherNumberAtTheEndsOfItsRange()
    {
        AssertTaken("management", ManagementLimits.Rows, limits => limits.Management);
        AssertTaken("leases", ServerLimits.LeaseRows, limits => limits.Leases);
    }

    /// <summary>The page's tables have each number, with its default and its range.</summary>
    [Fact]
    public void Stand_InTheDocumentation()
    {
        var page = File.ReadAllText(Path.Join(Repository.Root, "docs", "specs", "limits.md"));
        var documented = Rows().Matches(page).Select(match => match.Groups[1].Value).ToHashSet();
        Assert.Superset(
            Lines("relay", RelayLimits.Rows, RelayLimits.Default)
                .Concat(Lines("management", ManagementLimits.Rows, ManagementLimits.Default))
                .Concat(Lines("leases", ServerLimits.LeaseRows, LeaseLimits.Default))
                .ToHashSet(),
            documented
        );
    }

    /// <summary>Configured, descriptors; what is left: so much in all, and of one source half of it at most by itself.</summary>
    [Theory]
    [InlineData("{}", int.MaxValue, 200_000, 16_384)]
    [InlineData("{}", 600, 360, 180)]
    [InlineData("{}", 1, 1, 1)]
    [InlineData("""{"relay":{"connections":100}}""", 600, 100, 50)]
    [InlineData("""{"relay":{"connections":1000}}""", 600, 360, 180)]
    [InlineData("""{"relay":{"connectionsPerSource":300}}""", 600, 360, 300)]
    [InlineData("""{"relay":{"connectionsPerSource":1000}}""", 600, 360, 360)]
    public void Leaves_DescriptorsToOthers(string text, int descriptors, int total, int perSource) =>
        Assert.Equal(
            new ConnectionLimits(total, perSource),
            Read(text).Value.Relay.Connections.Within(descriptors, RelayLimits.DescriptorPercent)
        );

    [Fact]
    public async Task Serves_TheNumbersInForce()
    {
        await using var server = await InProcessServer.Empty();
        var served = (await server.Get("/providers/Weft.Relay/limits")).Expect(200).Json;
        Assert.Equal(2048, served["relay"]!["pendingPerConnection"]!.GetValue<int>());
        Assert.InRange(served["management"]!["connections"]!.GetValue<int>(), 1, 100_000);
        Assert.Equal(1024, served["leases"]!["perNode"]!.GetValue<int>());
    }

    private static void AssertTaken<T>(string holder, ImmutableArray<LimitRow<T>> rows, Func<ServerLimits, T> of)
    {
        foreach (var row in rows)
        {
            foreach (var number in (long[])[row.Least, row.Most])
            {
                var limits = Read($$$"""{"{{{holder}}}":{"{{{row.Name}}}":{{{Say(number)}}}}}""").Value;
                Assert.Equal((row.Name, number), (row.Name, row.Read(of(limits))));
                Assert.All(
                    rows.Where(other => other != row),
                    other => Assert.Equal(other.Read(of(ServerLimits.Default)), other.Read(of(limits)))
                );
            }
        }
    }

    private static IEnumerable<string> Lines<T>(string holder, IEnumerable<LimitRow<T>> rows, T standard) =>
        rows.Select(row => $"| `{holder}.{row.Name}` | {Say(row.Read(standard))} | {Say(row.Least)}–{Say(row.Most)} |");

    private static string Say(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static Outcome<ServerLimits> Read(string text) => ServerLimits.Read(JsonNode.Parse(text)!.AsObject());

    [GeneratedRegex(@"^(\| `\w+\.\w+` \| \d+ \| \d+–\d+ \|)", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
