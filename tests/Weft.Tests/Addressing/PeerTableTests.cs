using System.Collections.Immutable;
using System.Globalization;
using Weft.Addressing;
using Weft.Networks;
using Weft.Resources;

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
        var network = new PeerNetwork(site, site.RowOf(Network));
        foreach (var word in given.Split(' '))
            network.Ask(word);
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

    /// <summary>A network that is asked word by word, and its clock.</summary>
    private sealed class PeerNetwork(TestSite site, Row network)
    {
        private const string Cluster = "/clusters/c";
        private readonly Holdings _held = Holdings.Empty.Open();
        private ImmutableArray<Address> _last = [];
        private long _now;
        private int _count;

        public void Ask(string word)
        {
            if (word.StartsWith('+'))
                _now += 1_000 * long.Parse(word.TrimStart('+').TrimEnd('s'), CultureInfo.InvariantCulture);
            else if (word.StartsWith('-'))
                Release(Address.Parse(word[1..]).Value);
            else
                Acquire(word);
        }

        private void Release(Address address)
        {
            var old = _held.At(address)!;
            _held.Replace(old, null);
            _held.BeginRest(old, null, EndTime.At(_now, 0));
        }

        private void Acquire(string word)
        {
            var pool = NetworkPool.PoolOf(site.State, _held, network, site.Limits);
            pool = pool with { Rests = pool.Rests with { Now = _now } };
            pool.Rests.Expire(_held, 100);
            var pod = word.Contains('/', StringComparison.Ordinal)
                ? word[..word.IndexOf(':', StringComparison.Ordinal)]
                : null;
            var holder = AddressHolders.OfPod(Cluster, Cluster, "c", $"{_count++:x4}", "net1", pod, null);
            holder = holder with { Claim = pool.ClaimOf(holder) };
            var outcome = pool.Choose(holder, [], TestSite.Now, _last);
            if (word == "exhausted")
            {
                Assert.Equal(RefusalCode.AddressPoolExhausted, outcome.Refusal?.Code);
                return;
            }

            var (change, leases) = outcome.Value;
            Assert.Equal(pod is null ? word : word[(pod.Length + 1)..], leases.Single().Address.ToString());
            _held.Replace(change!.Value.Old, change.Value.New);
            _last = [leases[0].Address];
        }
    }
}
