using System.Text.Json.Nodes;
using Weft.Relay.Protocol;

namespace Weft.Tests.Cli;

public sealed class RelayCommandTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reports_ThatNobodyIsThere()
    {
        await using var site = await RelaySite.Start();
        var nobody = await site.Run("relay", "ls");
        Assert.Equal((0, ""), (nobody.Exit, nobody.Out));
        Assert.StartsWith("nobody is at the relay ws://127.0.0.1:", nobody.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_WhoIsThere()
    {
        await using var site = await RelaySite.Start();
        await using var session = await OpenSession.Start(site);

        Assert.Equal(
            "TARGET         LISTENERS   SESSIONS   UP    DOWN\ncluster/east   1           0          0 B   0 B\n"
                + "node/east/w1   1           1          0 B   2 KiB\n",
            (await site.Run("relay", "ls")).Out
        );
        Assert.Contains(
            "node/east/w1   ssh       127.0.0.1:",
            (await site.Run("relay", "ls", "--sessions")).Out,
            StringComparison.Ordinal
        );
        Assert.Equal(
            3,
            (await site.Run("relay", "ls", "--listeners")).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length
        );
        Assert.Equal(
            2,
            JsonNode.Parse((await site.Run("relay", "ls", "-o", "json")).Out)!["listeners"]!.AsArray().Count
        );
        Assert.Equal(0, await session.End());
    }

    [Fact]
    public async Task Measures_WhatEachCarries()
    {
        await using var site = await RelaySite.Start();
        await using var session = await OpenSession.Start(site);

        var top = await site.Run("relay", "top", "--once", "--interval", "0.2s");
        var json = JsonNode.Parse((await site.Run("relay", "top", "--once", "--interval", "0.2s", "-o", "json")).Out)!;

        Assert.StartsWith(
            "2 listeners, 1 sessions, 0 waiting; up 0 B/s, down 0 B/s; ",
            top.Out,
            StringComparison.Ordinal
        );
        Assert.Equal(
            ["cluster/east", "node/east/w1"],
            json["connections"]!.AsArray().Select(c => c!["target"]!.ToString())
        );
        Assert.Equal(0, await session.End());
    }

    [Fact]
    public async Task Checks_WhoWouldGetIn_AndByWhichRule()
    {
        await using var site = await RelaySite.Start();
        var open = await site.Run("relay", "check", "--to", "cluster/east");
        Assert.Equal(
            (0, "allowed: 127.0.0.1 as sender of cluster/east kubernetes, by no network rules\n"),
            (open.Exit, open.Out)
        );
        (
            await site.Rules(
                Documents.East,
                """{"ipRules":[{"ipMask":"10.0.0.0/8","description":"office"},{"ipMask":"2001:db8::/32"}]}"""
            )
        ).Expect(201);
        var allowed = await site.Run(
            "relay",
            "check",
            "--from",
            "10.9.8.7",
            "--to",
            "node/east/w1",
            "--service",
            "ssh"
        );
        Assert.Equal(
            (
                0,
                "allowed: 10.9.8.7 as sender of node/east/w1 ssh, by cluster east: allow 10.0.0.0/8\n"
                    + "  lets in: cluster east: allow 10.0.0.0/8, rule 0 (office)\n"
            ),
            (allowed.Exit, allowed.Out)
        );
        var refused = await site.Run(
            "relay",
            "check",
            "--from",
            "203.0.113.7",
            "--to",
            "cluster/east",
            "--as",
            "listener"
        );
        Assert.Equal(1, refused.Exit);
        Assert.StartsWith(
            "refused: 203.0.113.7 as listener of cluster/east, by cluster east: deny by default\n"
                + "  shuts out: cluster east: deny by default\n  they are told: your address 203.0.113.7",
            refused.Out,
            StringComparison.Ordinal
        );
        Assert.False(
            JsonNode
                .Parse(
                    (
                        await site.Run(
                            "relay",
                            "check",
                            "--from",
                            "::1",
                            "--to",
                            "vm/none",
                            "--to",
                            "cluster/east",
                            "-o",
                            "json"
                        )
                    ).Out
                        is { Length: > 0 } text
                        ? text
                        : "{}"
                )
                ?["allowed"]?.GetValue<bool>()
                ?? false
        );
        Assert.Equal(
            (
                64,
                "error: 'east' doesn't say what it is\n"
                    + "next: write cluster/NAME, node/CLUSTER/NAME, vm/NAME, nexus/NAME, namespace/NAME, hc/NAMESPACE/"
                    + "NAME, or a whole id\n"
            ),
            await ExitAndError(site, "relay", "check", "--to", "east")
        );
    }

    [Fact]
    public async Task Shows_EachRuleOnTheWay()
    {
        await using var site = await RelaySite.Start();
        Assert.Equal(
            (0, "no network rules stand on the way to node/east/w1: every address may come that has a token\n"),
            await ExitAndError(site, "relay", "rules", "node/east/w1")
        );
        (
            await site.Rules(
                Documents.East,
                """{"defaultAction":"Allow","ipRules":[{"ipMask":"10.0.0.0/8","action":"Deny"}]}"""
            )
        ).Expect(201);
        (
            await site.Rules(
                RelaySite.Node,
                """{"ipRules":[{"ipMask":"127.0.0.0/8","services":["ssh"],"description":"here","appliesTo":"senders"}]}"""
            )
        ).Expect(201);
        Assert.Equal(
            """
            AT             RULE   ACTION   NETWORK       FOR       SERVICES   DESCRIPTION
            cluster/east   0      Deny     10.0.0.0/8    both      -          -
            cluster/east   else   Allow    any           -         -          -
            node/east/w1   0      Allow    127.0.0.0/8   senders   ssh        here
            node/east/w1   else   Deny     any           -         -          -

            """,
            (await site.Run("relay", "rules", "node/east/w1")).Out
        );
    }

    [Fact]
    public async Task Applies_Rules_AndForcesOnlyWhenTold()
    {
        await using var site = await RelaySite.Start();
        var file = site.Weft.WriteFile(
            "rules.yaml",
            "type: networkrulesets\nname: cluster/east\nproperties:\n  ipRules:\n    - ipMask: 192.0.2.0/24\n"
        );
        var refused = await site.Run("apply", "-f", file);
        Assert.Equal(1, refused.Exit);
        Assert.Contains(
            "it would shut you out: from 127.0.0.1 you could not reach cluster east",
            refused.Error,
            StringComparison.Ordinal
        );
        var insisted = await site.Run("apply", "-f", file, "--force");
        Assert.Equal((0, "1 created\n"), (insisted.Exit, insisted.Out));
        Assert.Equal("1 unchanged\n", (await site.Run("apply", "-f", file)).Out);
        Assert.Equal(
            "OF             DEFAULT   RULES   AGE\ncluster/east   Deny      1       0s\n",
            (await site.Run("get", "nrs")).Out
        );
        Assert.Equal("networkrulesets/cluster/east\n", (await site.Run("get", "nrs", "k8s/east", "-o", "name")).Out);
        Assert.Contains(
            "192.0.2.0/24",
            (await site.Run("show", "networkruleset", "cluster/east")).Out,
            StringComparison.Ordinal
        );
        Assert.Equal("1 deleted\n", (await site.Run("delete", "nrs", "cluster/east", "--yes")).Out);
        Assert.Equal((0, ""), await ExitAndOut(site, "get", "nrs"));
        Assert.Contains("ipRules", (await site.Run("explain", "nrs.properties")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_KeysToItself_UntilAsked()
    {
        await using var site = await RelaySite.Start();
        await ApplyCamera(site);
        var list = await site.Run("relay", "keys", "list", "site-a");
        Assert.StartsWith("NAME                        NAMESPACE   RIGHTS", list.Out, StringComparison.Ordinal);
        Assert.Equal(
            "connectionkeys/site-a/camera/look\n",
            (await site.Run("relay", "keys", "list", "site-a/camera", "-o", "name")).Out
        );

        var text = (await site.Run("relay", "keys", "show", "site-a/camera/look", "--connection-string")).Out;
        Assert.True(ConnectionString.TryParse(text.Trim(), out var connection, out _));
        Assert.Equal("site-a/camera", connection.EntityPath);
    }

    [Fact]
    public async Task Regenerates_TheKeyThatIsNamed_AndNoOther()
    {
        await using var site = await RelaySite.Start();
        await ApplyCamera(site);
        var before = JsonNode.Parse((await site.Run("relay", "keys", "show", "site-a/camera/look", "-o", "json")).Out)!;

        var unsure = await site.Run("relay", "keys", "regenerate", "site-a/camera/look", "--yes");
        Assert.Equal((64, true), (unsure.Exit, unsure.Error.StartsWith("error: which key?", StringComparison.Ordinal)));
        var drawn = await site.Run("relay", "keys", "regenerate", "site-a/camera/look", "--primary", "--yes");
        Assert.Equal(
            "connectionkeys/site-a/camera/look: the primary key is new; weft relay keys show prints it\n",
            drawn.Out
        );

        var file = site.Weft.PathOf("keys.json");
        var shown = await site.Run("relay", "keys", "show", "site-a/camera/look", "-o", "json", "--out", file);
        Assert.Equal(0, shown.Exit);
        var after = JsonNode.Parse(await File.ReadAllTextAsync(file, Cancel))!;
        Assert.NotEqual(before["primaryKey"]!.ToString(), after["primaryKey"]!.ToString());
        Assert.Equal(before["secondaryKey"]!.ToString(), after["secondaryKey"]!.ToString());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, CommandLine.Mode(file));
    }

    [Fact]
    public async Task Gives_PrincipalsTokens_Once()
    {
        await using var site = await RelaySite.Start();
        var file = site.Weft.PathOf("ann.token");
        var made = await site.Run(
            "principal",
            "create",
            "ann",
            "--role",
            "RelayUser",
            "--scope",
            "cluster/east",
            "--description",
            "on call",
            "--out",
            file
        );
        Assert.Equal((0, ""), (made.Exit, made.Out));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, CommandLine.Mode(file));
        var token = (await File.ReadAllTextAsync(file, Cancel)).Trim();
        Assert.DoesNotContain(token, made.Error, StringComparison.Ordinal);
        Assert.Contains(
            "ann    RelayUser of kubernetesclusters/east",
            (await site.Run("principal", "list")).Out,
            StringComparison.Ordinal
        );
        Assert.Equal(0, (await site.Run("get", "k8s", "east", "--token-file", file)).Exit);
        Assert.Equal(1, (await site.Run("principal", "list", "--token-file", file)).Exit);

        var changed = await site.Run("principal", "create", "ann", "--role", "Reader", "--scope", "/");
        Assert.Equal(("", "principal ann changed; its token stays as it is\n"), (changed.Out, changed.Error));
        var rotated = await site.Run("principal", "rotate", "ann");
        Assert.StartsWith("weft_usr_", rotated.Out, StringComparison.Ordinal);
        Assert.Equal(1, (await site.Run("get", "k8s", "--token-file", file)).Exit);
        Assert.Equal("principal ann deleted\n", (await site.Run("principal", "delete", "ann", "--yes")).Out);
        Assert.Equal((0, "there is nobody besides the administrator\n"), await ExitAndError(site, "principal", "list"));
    }

    /// <summary>A namespace, a connection, and keys that may send.</summary>
    private static async Task ApplyCamera(RelaySite site)
    {
        var file = site.Weft.WriteFile(
            "relay.yaml",
            "type: rns\nname: site-a\nlocation: east\nsku: {name: Standard}\n---\ntype: hc\nname: site-a/camera\n"
                + "properties: {}\n---\ntype: connectionkeys\nname: site-a/camera/look\nproperties: {rights: [Send]}\n"
        );
        Assert.Equal("3 created\n", (await site.Run("apply", "-f", file)).Out);
    }

    private static async Task<(int, string)> ExitAndError(RelaySite site, params string[] args) =>
        await site.Run(args) is var run ? (run.Exit, run.Error) : default;

    private static async Task<(int, string)> ExitAndOut(RelaySite site, params string[] args) =>
        await site.Run(args) is var run ? (run.Exit, run.Out) : default;

    /// <summary>
    /// A listener for a cluster, and one for a node with a session that has brought 2 KiB and is still open.
    /// </summary>
    private sealed class OpenSession : IAsyncDisposable
    {
        private readonly TaskCompletionSource _opened = new();
        private readonly TaskCompletionSource _end = new();
        private readonly System.IO.Pipelines.Pipe _input = new();
        private Task<CommandLine.ProgramRun>? _stdio;

        public static async Task<OpenSession> Start(RelaySite site)
        {
            var session = new OpenSession();
            await site.Listen(RelaySite.Node, ("ssh", site.Serve((stream, _) => session.Serve(stream))));
            await site.Listen(Documents.East, ("kubernetes", 1));
            site.Weft.OpenIn = () => session._input.Reader.AsStream();
            session._stdio = site.Run("stdio", "w1");
            await session._opened.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
            await site.Plane.WaitUntil(
                () => site.Run("relay", "ls").Result.Out.Contains("2 KiB", StringComparison.Ordinal),
                "the bytes are counted"
            );
            return session;
        }

        /// <summary>Ends the session from the far side; returns what the near side's program ends with.</summary>
        public async Task<int> End()
        {
            _end.TrySetResult();
            return (await _stdio!.WaitAsync(TimeSpan.FromSeconds(10), Cancel)).Exit;
        }

        public async ValueTask DisposeAsync()
        {
            _end.TrySetResult();
            await _input.Writer.CompleteAsync();
        }

        private async Task Serve(Stream stream)
        {
            await stream.WriteAsync(new byte[2048], Cancel);
            _opened.SetResult();
            await _end.Task;
        }
    }
}
