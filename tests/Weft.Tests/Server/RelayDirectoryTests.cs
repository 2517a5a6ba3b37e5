using System.Net;
using Weft.Relay.Server.Authorization;
using Weft.Resources;
using Weft.Server.Relays;
using Weft.Storage;

namespace Weft.Tests.Server;

/// <summary>What the relay is told of the hybrid connections there are.</summary>
public sealed class RelayDirectoryTests : IDisposable
{
    private const string Space = $"{TestSite.Group}/providers/Microsoft.Relay/namespaces/site-a";
    private const string East = "weft/5be00000-0000-4000-8000-0000000005a0/site/kubernetesClusters/k1";
    private const string Rules = "~c/kubernetesClusters/k1/providers/Weft.Relay/networkRuleSets/default";

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("weft-relay-");
    private readonly TestSite _site = TestSite.Small();
    private readonly SiteStore _store;
    private readonly RelayDirectory _directory;

    public RelayDirectoryTests()
    {
        _site.Put(TestSite.NodeId("w1"), TestSite.Node("{'name':'bond0'}", "BareMetal"));
        _site.CompleteOperations();
        _store = new SiteStore(_site);
        _directory = new RelayDirectory(_store, RelaySecret.ReadOrCreate(Path.Join(_data.FullName, "relay.key")));
        Write(Space, "{'location':'east'}");
        Write($"{Space}/hybridConnections/camera", "{'properties':{'userMetadata':'roof'}}");
        Write($"{Space}/hybridConnections/camera/authorizationRules/ask", "{'properties':{'rights':['Send']}}");
    }

    [Theory]
    [InlineData("site-a/camera", "site-a/camera")]
    [InlineData("SITE-A/Camera/any/suffix", "site-a/camera")]
    [InlineData("site-a/camera2", null)]
    [InlineData("site-a", null)]
    [InlineData("site-b/camera", null)]
    [InlineData(East, East)]
    [InlineData(East + "/kubernetes", East)]
    [InlineData(East + "/nodes/w1", East + "/nodes/w1")]
    [InlineData(East + "/nodes/w1/ssh", East + "/nodes/w1")]
    [InlineData(East + "/nodes/w10", East)]
    [InlineData(East + "2", null)]
    [InlineData("weft/5be00000-0000-4000-8000-0000000005a0/site/kubernetesClusters", null)]
    [InlineData("weft", null)]
    [InlineData("", null)]
    public void Finds_TheLongestPath(string path, string? found) => Assert.Equal(found, _directory.Find(path)?.Path);

    [Theory]
    [InlineData("site-a/nothing", "RootManageSharedAccessKey (Manage)")]
    [InlineData("SITE-A/nothing/ssh", "RootManageSharedAccessKey (Manage)")]
    [InlineData("site-a", "RootManageSharedAccessKey (Manage)")]
    [InlineData("site-b/nothing", "")]
    [InlineData("weft/nothing", "")]
    [InlineData("", "")]
    public void Gives_TheRulesOfANamespace_WhereThereIsNoConnection(string path, string rules) =>
        Assert.Equal(rules, string.Join(", ", _directory.RulesAbove(path)));

    [Fact]
    public void Gives_TheRulesOfTheConnectionAndItsNamespace()
    {
        var connection = _directory.Find("site-a/camera")!;
        Assert.Equal(
            ["ask (Send)", "RootManageSharedAccessKey (Manage)"],
            connection.Rules.Select(rule => rule.ToString())
        );
        Assert.Equal((true, "roof"), (connection.RequiresClientAuthorization, connection.UserMetadata));
        Assert.All(connection.Rules, rule => Assert.NotEqual(rule.PrimaryKey, rule.SecondaryKey));
    }

    [Fact]
    public void Derives_AKeyForEachPathAndRight_AndTheSameAfterARestart()
    {
        var keys = new[] { East, East + "/nodes/w1" }
            .SelectMany(path => _directory.Find(path)!.Rules.Select(rule => rule.PrimaryKey))
            .ToList();
        Assert.Equal(4, keys.Distinct().Count());
        var restarted = new RelayDirectory(_store, RelaySecret.ReadOrCreate(Path.Join(_data.FullName, "relay.key")));
        Assert.Equal(keys[0], restarted.Find(East)!.Rules[0].PrimaryKey);
        using var elsewhere = new RelayDirectoryTests();
        Assert.NotEqual(keys[0], elsewhere._directory.Find(East)!.Rules[0].PrimaryKey);
    }

    [Fact]
    public void Tracks_ChangesThatMatter_AndNoOthers()
    {
        var before = _directory.Version;
        Write(
            "~c/l3Networks/n6",
            TestSite
                .Tracked("'l3IsolationDomainId':'~f/l3IsolationDomains/user','vlan':606")
                .Replace("'location'", "'tags':{'a':'b'},'location'", StringComparison.Ordinal)
        );
        Assert.Equal(before, _directory.Version);
        Assert.True(Admit("203.0.113.7").IsAllowed);

        Write(Rules, "{'properties':{'ipRules':[{'ipMask':'10.0.0.0/8'}]}}");

        Assert.True(_directory.Version > before);
        Assert.False(Admit("203.0.113.7").IsAllowed);
        Assert.Equal(
            "your address 203.0.113.7 is not in the networks that k1 lets in to kubernetes (cluster k1: deny by default)",
            Admit("203.0.113.7").Refusal
        );
        Assert.Equal(
            (true, "cluster k1: allow 10.0.0.0/8"),
            (Admit("10.0.0.1").IsAllowed, Admit("::ffff:10.0.0.1").Rule)
        );
    }

    [Fact]
    public void Refuses_Everybody_WhereTheConnectionIsGone()
    {
        var connection = _directory.Find("site-a/camera")!;
        _site.Delete($"{Space}/hybridConnections/camera");
        Assert.False(_directory.Admit(connection, ClientRole.Sender, "", IPAddress.Loopback).IsAllowed);
        Assert.Null(_directory.Find("site-a/camera"));
    }

    [Theory]
    [InlineData("not base64")]
    [InlineData("c2hvcnQ=")]
    public void Refuses_ToStart_OnAnInvalidSecret(string text)
    {
        var path = Path.Join(_data.FullName, "broken.key");
        File.WriteAllText(path, text);
        Assert.Throws<IOException>(() => RelaySecret.ReadOrCreate(path));
    }

    public void Dispose() => _data.Delete(true);

    private Admission Admit(string source) =>
        _directory.Admit(_directory.Find(East)!, ClientRole.Sender, "kubernetes", IPAddress.Parse(source));

    private void Write(string id, string body) =>
        _site.Accept(
            _site.Verbs.Put(
                _site.Request(id, TestSite.Body(body)) with
                {
                    RandomKeys = [$"{id} 1", $"{id} 2"],
                },
                new ReadTransaction(_site.State)
            )
        );

    /// <summary>The newest image of a site in memory, as a store shows it.</summary>
    private sealed class SiteStore(TestSite site) : IResourceStore
    {
        public StoreState Current => site.State;

        public int MaxMutations => int.MaxValue;

        public ValueTask<long?> Commit(ReadSet readSet, IReadOnlyList<Mutation> changes, CancellationToken cancel) =>
            throw new NotSupportedException("the site writes");

        public WatcherGroup Watchers { get; } = new();

        public ValueTask<StoreState> Watch(long after, IEnumerable<string> topics, CancellationToken cancel) =>
            throw new NotSupportedException("nobody waits here");

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
