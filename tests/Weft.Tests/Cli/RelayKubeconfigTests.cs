using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Weft.Cli;
using Weft.Cli.Relay;

namespace Weft.Tests.Cli;

public sealed class RelayKubeconfigTests : IDisposable
{
    private const string Foreign = """
        # mine; do not touch
        apiVersion: v1
        kind: Config
        current-context: prod   # the real thing
        preferences: {colors: true}
        clusters:
          # the big one
          - name: prod
            cluster:
              server: https://10.0.0.1:6443   # behind the VPN
              certificate-authority-data: AAAA
          -   cluster:
                  server: https://10.0.0.2:6443
              name: test
        contexts:
        - context:
            cluster: prod
            user: me
            namespace: web
          name: prod
        # people
        users:
        - name: me
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./login
              args: ["--quiet", 'a b']
              interactiveMode: IfAvailable

        """;

    private readonly string _place = Directory.CreateTempSubdirectory("weft-kube-").FullName;

    private string Config => Path.Combine(_place, "config");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_place, recursive: true);

    public static TheoryData<string> Kubeconfigs =>
        new(
            Foreign,
            Foreign.ReplaceLineEndings("\r\n"),
            "",
            "# nothing but a comment\n",
            "apiVersion: v1\nkind: Config\nclusters: null\ncontexts: null\nusers: []\ncurrent-context: \"\"\n",
            "apiVersion: v1\nkind: Config\ncurrent-context:\nclusters:\ncontexts:\nusers:\n",
            "apiVersion: v1\nclusters:\n-\n  name: a\n  cluster:\n    server: https://a\n    # its end\n",
            "contexts:\n- name: c\n  context: {cluster: a, user: b}\nusers:\n- name: u\n  user:\n    token: |\n"
                + "      several\n      lines\n\nclusters: []\n"
        );

    [Theory]
    [MemberData(nameof(Kubeconfigs))]
    public void Keeps_EveryForeignLine(string foreign)
    {
        var before = KubeconfigText.Parse(foreign, "config");
        var entry = Entry("weft-east");
        var with = entry.AddTo(before, makesCurrent: true);
        Assert.Equal("weft-east", with.CurrentContext);
        Assert.Equal("https://127.0.0.1:4711", with.Find("clusters", "weft-east")!["cluster"]!["server"]!.ToString());
        Assert.Empty(Comments(foreign).Except(Comments(with.Text)));

        var without = KubeconfigEntry.RemoveFrom(with, "weft-east", entry.Owner);
        Assert.Equal(before.CurrentContext, without.CurrentContext);
        Assert.Equal(Meaning(before), Meaning(without));
        Assert.Equal(Lines(before.Text), Lines(without.Text));
    }

    [Fact]
    public void Writes_JsonAnew_WithAllThatItSaid()
    {
        var before = KubeconfigText.Parse(
            """{"clusters":[{"name":"a","cluster":{"server":"https://a"}}],"contexts":[],"users":[],"current-context":"a"}""",
            "config"
        );
        var entry = Entry("weft-east");
        var without = KubeconfigEntry.RemoveFrom(entry.AddTo(before, makesCurrent: false), "weft-east", entry.Owner);
        Assert.Equal(Meaning(before), Meaning(without));
        Assert.Equal(
            "https://127.0.0.1:4711",
            entry.AddTo(before, makesCurrent: false).Find("clusters", "weft-east")!["cluster"]!["server"]!.ToString()
        );
    }

    [Fact]
    public void Replaces_ItsOwnEntryOnly_AndByItsExactName()
    {
        var old = Entry("weft-east");
        var other = Entry("weft-east2");
        var text = other.AddTo(old.AddTo(KubeconfigText.Parse(Foreign, "config"), false), false);
        var fresh = Entry("weft-east", port: 4712);
        var replaced = fresh.AddTo(text, false);
        Assert.Equal(
            ["prod", "test", "weft-east", "weft-east2"],
            replaced.Entries("clusters").Select(cluster => cluster["name"]!.ToString())
        );
        Assert.Equal(
            "https://127.0.0.1:4712",
            replaced.Find("clusters", "weft-east")!["cluster"]!["server"]!.ToString()
        );
        Assert.Same(replaced, KubeconfigEntry.RemoveFrom(replaced, "weft-east", old.Owner));
    }

    [Fact]
    public void Refuses_NameThatSomebodyElseWrote()
    {
        var cliError = Assert.Throws<CliError>(() =>
            Entry("test").AddTo(KubeconfigText.Parse(Foreign, "config"), false)
        );
        Assert.Equal("'test' is in clusters of config already, and weft didn't write it", cliError.Message);
    }

    [Theory]
    [InlineData("a: [", "can't be read")]
    [InlineData("- a\n- b\n", "no object")]
    [InlineData("a: 1\n---\nb: 2\n", "several documents")]
    public void Refuses_WhatIsNoKubeconfig(string text, string says) =>
        Assert.Contains(
            says,
            Assert.Throws<CliError>(() => KubeconfigText.Parse(text, "config")).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData(new[] { 0, 1, 2 })]
    [InlineData(new[] { 2, 1, 0 })]
    [InlineData(new[] { 1, 0, 2 })]
    [InlineData(new[] { 1, 2, 0 })]
    public void Restores_CurrentContext_InWhateverOrderProxiesEnd(int[] order)
    {
        var entries = Enumerable.Range(0, 3).Select(i => Entry($"weft-{i}")).ToList();
        var text = entries.Aggregate(
            KubeconfigText.Parse(Foreign, "config"),
            (text, entry) => entry.AddTo(text, makesCurrent: true)
        );
        Assert.Equal("weft-2", text.CurrentContext);
        foreach (var i in order)
        {
            var current = text.CurrentContext;
            text = KubeconfigEntry.RemoveFrom(text, entries[i].Name, entries[i].Owner);
            Assert.True(current == entries[i].Name || text.CurrentContext == current);
        }

        Assert.Equal("prod", text.CurrentContext);
        Assert.Equal(Lines(Foreign), Lines(text.Text));
    }

    [Fact]
    public void Leaves_CurrentContextAlone_ThatSomebodyChose_Meanwhile()
    {
        var entry = Entry("weft-east");
        var text = entry.AddTo(KubeconfigText.Parse(Foreign, "config"), makesCurrent: true).WithCurrentContext("test");
        Assert.Equal("test", KubeconfigEntry.RemoveFrom(text, entry.Name, entry.Owner).CurrentContext);
    }

    [Fact]
    public void Restores_CurrentContext_AfterAProxyThatDied()
    {
        var died = Entry("weft-east").AddTo(KubeconfigText.Parse(Foreign, "config"), makesCurrent: true);
        var next = Entry("weft-east");
        Assert.Equal(
            "prod",
            KubeconfigEntry.RemoveFrom(next.AddTo(died, makesCurrent: true), next.Name, next.Owner).CurrentContext
        );
    }

    [Fact]
    public void Restores_CurrentContext_AfterAProxyThatDied_BelowAnother()
    {
        var died = Entry("weft-east").AddTo(KubeconfigText.Parse(Foreign, "config"), makesCurrent: true);
        var above = Entry("weft-west");
        var next = Entry("weft-east");
        var both = next.AddTo(above.AddTo(died, makesCurrent: true), makesCurrent: true);
        foreach (var order in new[] { (above, next), (next, above) })
        {
            var one = KubeconfigEntry.RemoveFrom(both, order.Item1.Name, order.Item1.Owner);
            Assert.Equal("prod", KubeconfigEntry.RemoveFrom(one, order.Item2.Name, order.Item2.Owner).CurrentContext);
        }
    }

    [Fact]
    public async Task Loses_NoEntry_OfManyProxies()
    {
        await System.IO.File.WriteAllTextAsync(Config, Foreign, Cancel);
        var entries = Enumerable.Range(0, 24).Select(i => Entry($"weft-{i}")).ToList();
        await Parallel.ForEachAsync(
            entries,
            Cancel,
            async (entry, cancel) => await File().UpdateAsync(text => entry.AddTo(text, makesCurrent: true), cancel)
        );
        Assert.Equal(26, File().Read().Entries("clusters").Count());
        await Parallel.ForEachAsync(
            entries,
            Cancel,
            async (entry, cancel) =>
                await File().UpdateAsync(text => KubeconfigEntry.RemoveFrom(text, entry.Name, entry.Owner), cancel)
        );
        Assert.Equal(Lines(Foreign), Lines(await System.IO.File.ReadAllTextAsync(Config, Cancel)));
        Assert.False(System.IO.File.Exists(Config + ".lock"));
    }

    [Fact]
    public async Task Copies_WhatWasThere_AndKeepsOthersOut()
    {
        await System.IO.File.WriteAllTextAsync(Config, Foreign, Cancel);
        System.IO.File.SetUnixFileMode(
            Config,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead
        );
        foreach (var name in new[] { "weft-1", "weft-2" })
            await File().UpdateAsync(text => Entry(name).AddTo(text, makesCurrent: true), Cancel);
        Assert.Equal(Foreign, await System.IO.File.ReadAllTextAsync(File().Backup, Cancel));
        foreach (var file in Directory.GetFiles(_place))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task Follows_Link_AndLeavesItALink()
    {
        var real = Path.Combine(_place, "real");
        await System.IO.File.WriteAllTextAsync(real, Foreign, Cancel);
        System.IO.File.CreateSymbolicLink(Config, real);
        await File().UpdateAsync(text => Entry("weft-1").AddTo(text, makesCurrent: true), Cancel);
        Assert.Equal(real, System.IO.File.ResolveLinkTarget(Config, true)!.FullName);
        Assert.Contains("weft-1", await System.IO.File.ReadAllTextAsync(real, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Survives_WhatACrashLeftBehind()
    {
        await System.IO.File.WriteAllTextAsync(Config, Foreign, Cancel);
        await System.IO.File.WriteAllTextAsync(Config + ".lock", "", Cancel);
        System.IO.File.SetLastWriteTimeUtc(
            Config + ".lock",
            TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(-1)
        );
        await System.IO.File.WriteAllTextAsync(
            Path.Combine(_place, $".config.{Environment.ProcessId}.new"),
            "half a fi",
            Cancel
        );
        await File().UpdateAsync(text => Entry("weft-1").AddTo(text, makesCurrent: true), Cancel);
        Assert.Equal("weft-1", File().Read().CurrentContext);
        Assert.Equal(
            [".config.weft-lock", "config", "config.before-weft"],
            Directory.GetFiles(_place).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task Takes_KubectlsLock_FromAProxyThatDied_AtOnce()
    {
        await System.IO.File.WriteAllTextAsync(Config + ".lock", "weft\n", Cancel);
        // On a clock that stands still nobody waits for an end.
        await new KubeconfigFile(Config, new FakeTimeProvider(TimeProvider.System.GetUtcNow()))
            .UpdateAsync(text => Entry("weft-1").AddTo(text, makesCurrent: true), Cancel)
            .WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.Equal("weft-1", File().Read().CurrentContext);
        Assert.False(System.IO.File.Exists(Config + ".lock"));
    }

    [Fact]
    public async Task Restores_Entry_ThatWasWrittenOver_AndNoneThatWasTakenOut()
    {
        await System.IO.File.WriteAllTextAsync(Config, Foreign, Cancel);
        var clock = new FakeTimeProvider();
        var restored = Channel.CreateUnbounded<int>();
        await using (
            await KubeconfigRegistration.AddAsync(
                File(),
                Entry("weft-east"),
                makesCurrent: true,
                clock,
                () => restored.Writer.TryWrite(1),
                Cancel
            )
        )
        {
            var written = File().Read();
            await System.IO.File.WriteAllTextAsync(Config, written.Without("contexts", "weft-east").Text, Cancel);
            clock.Advance(TimeSpan.FromSeconds(1));
            await System.IO.File.WriteAllTextAsync(Config, Foreign, Cancel);
            await Elapse(clock, restored.Reader);
            Assert.Equal(written.Text, await System.IO.File.ReadAllTextAsync(Config, Cancel));
            Assert.False(restored.Reader.TryRead(out _));
        }

        Assert.Equal(Lines(Foreign), Lines(await System.IO.File.ReadAllTextAsync(Config, Cancel)));
    }

    [Fact]
    public async Task Waits_ForKubectlsLock()
    {
        await System.IO.File.WriteAllTextAsync(Config + ".lock", "", Cancel);
        var clock = new CountingClock();
        var change = new KubeconfigFile(Config, clock).UpdateAsync(
            text => Entry("weft-1").AddTo(text, makesCurrent: true),
            Cancel
        );
        await Eventually.Holds(() => clock.Waits >= 3 || change.IsCompleted, "it has tried several times");
        Assert.False(change.IsCompleted);
        Assert.False(System.IO.File.Exists(Config));
        System.IO.File.Delete(Config + ".lock");
        await change;
        Assert.Equal("weft-1", File().Read().CurrentContext);
    }

    [Fact]
    public async Task Fails_WhereNothingCanBeWritten()
    {
        var cliError = await Assert.ThrowsAsync<CliError>(() =>
            new KubeconfigFile("/proc/self/config", TimeProvider.System).UpdateAsync(
                text => Entry("weft-1").AddTo(text, true),
                Cancel
            )
        );
        Assert.Contains("/config cannot be written", cliError.Message, StringComparison.Ordinal);
    }

    /// <summary>Lets seconds pass until somebody says something.</summary>
    private static async Task Elapse(FakeTimeProvider clock, ChannelReader<int> said)
    {
        for (var waiting = said.ReadAsync(Cancel).AsTask(); !waiting.IsCompleted; )
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(20), Cancel));
        }
    }

    private static KubeconfigEntry Entry(string name, int port = 4711) =>
        new(
            name,
            new JsonObject { ["server"] = $"https://127.0.0.1:{port}", ["tls-server-name"] = "kubernetes" },
            new JsonObject { ["tokenFile"] = "/t" },
            name,
            Guid.NewGuid().ToString("N")
        )
        {
            Target = "/subscriptions/s",
        };

    private static IEnumerable<string> Comments(string text) =>
        text.Split('\n')
            .Where(line => line.Contains('#', StringComparison.Ordinal))
            .Select(line => line[line.IndexOf('#', StringComparison.Ordinal)..].TrimEnd());

    private static IEnumerable<string> Lines(string text) =>
        text.Split('\n')
            .Select(line => line.TrimEnd())
            .Select(line =>
                line is "clusters: null" or "clusters:" ? "clusters: []"
                : line is "contexts: null" or "contexts:" ? "contexts: []"
                : line is "users:" ? "users: []"
                : line is "current-context:" ? "current-context: \"\""
                : line
            )
            .Where(line =>
                line is not ("clusters: []" or "contexts: []" or "users: []" or "current-context: \"\"" or "")
            );

    private static string Meaning(KubeconfigText text)
    {
        var root = (JsonObject)text.Root.DeepClone();
        foreach (var list in new[] { "clusters", "contexts", "users" })
            root[list] = new JsonArray([.. text.Entries(list).Select(entry => entry.DeepClone())]);
        root["current-context"] = text.CurrentContext;
        return new JsonObject(
            root.OrderBy(member => member.Key, StringComparer.Ordinal)
                .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone()))
        ).ToJsonString();
    }

    private KubeconfigFile File() => new(Config, TimeProvider.System);
}
