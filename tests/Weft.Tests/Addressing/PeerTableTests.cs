using System.Collections.Immutable;
using Weft.Addressing;
using Weft.Networks;

namespace Weft.Tests.Addressing;

/// <summary>The rows of docs/specs/addressing-peers.md, asked one by one.</summary>
public sealed class PeerTableTests
{
    private const string Network = "~c/l3Networks/peer";
    private static readonly string[] Header = ["asked of", "prefixes", "pool", "given", "why"];

    public static TheoryData<string, string, string, string> Rows =>
        [
            .. Lines()
                .Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1])
                .Where(cells =>
                    cells.Length == Header.Length
                    && cells[0] != Header[0]
                    && !cells[0].StartsWith("---", StringComparison.Ordinal)
                )
                .Select(cells => (cells[0], cells[1], cells[2], cells[3])),
        ];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Answers_AsThePageSays(string asked, string prefixes, string pool, string given)
    {
        var site = TestSite.Small();
        var refusal = Declare(site, prefixes.Split(' '), pool == "–" ? "" : pool.Replace('"', '\''));
        if (given.StartsWith("refused: ", StringComparison.Ordinal))
        {
            Assert.NotNull(refusal);
            Assert.Contains(given["refused: ".Length..], refusal.Message, StringComparison.Ordinal);
            return;
        }

        Assert.True(refusal is null, $"{asked}: {refusal?.Message}");
        var leases = NetworkPool.PoolOf(site.State, site.RowOf(Network), site.Limits);
        var last = ImmutableArray<Address>.Empty;
        foreach (var (expected, i) in given.Split(' ').Select((word, i) => (word, i)))
        {
            var outcome = leases.Acquire(new Holder($"h{i}", $"holder {i}"), [], TestSite.Now, last);
            if (expected == "exhausted")
            {
                Assert.Equal(RefusalCode.AddressPoolExhausted, outcome.Refusal?.Code);
                continue;
            }

            Assert.Equal(expected, outcome.Value.Leases.Single().Address.ToString());
            (leases, last) = (outcome.Value.Next, [.. outcome.Value.Leases.Select(lease => lease.Address)]);
        }
    }

    [Fact]
    public void Reads_TheTable() => Assert.True(Rows.Count > 25);

    private static Refusal? Declare(TestSite site, string[] prefixes, string pool)
    {
        var (member, own) = prefixes[0].Contains(':', StringComparison.Ordinal)
            ? ("connectedIPv6Subnets", "ipv6ConnectedPrefix")
            : ("connectedIPv4Subnets", "ipv4ConnectedPrefix");
        var subnets = string.Join(',', prefixes.Select(prefix => $"{{'prefix':'{prefix}'}}"));
        var further = string.Join(',', prefixes.Skip(1).Select(prefix => $"'{prefix}'"));
        (string Id, string Body)[] documents =
        [
            (
                "~f/l3IsolationDomains/user/internalNetworks/peer-net",
                $"{{'properties':{{'vlanId':900,'{member}':[{subnets}]}}}}"
            ),
            (
                Network,
                TestSite.Tracked(
                    $"'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':900,'{own}':'{prefixes[0]}'"
                )
            ),
            (
                $"{Network}/providers/Weft.Ipam/pools/default",
                $"{{'properties':{{'prefixes':[{further}]{(pool.Length > 0 ? "," : "")}{pool}}}}}"
            ),
        ];
        foreach (var (id, body) in documents)
        {
            var outcome = site.TryPut(id, body);
            if (outcome.Refusal is { } refusal)
                return refusal;
            site.Accept(outcome);
        }

        return null;
    }

    private static IEnumerable<string> Lines() =>
        File.ReadLines(Path.Combine(Repository.Root, "docs", "specs", "addressing-peers.md"))
            .Where(line => line.StartsWith('|'));
}
