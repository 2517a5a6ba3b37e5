using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Cli.Relay;

namespace Weft.Tests.Cli;

public sealed class RelayProxyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Runs_Program_WithItsOwnKubeconfig_AndItsExitCode()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("kubernetes");
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        var token = site.Weft.WriteFile("kube.token", "secret\n");
        var copy = site.Weft.PathOf("copy");
        var run = await site.Run(
            "proxy",
            "east",
            "--certificate-authority",
            ca,
            "--kube-token-file",
            token,
            "--",
            "sh",
            "-c",
            $"cp \"$KUBECONFIG\" {copy}; curl --silent --show-error --cacert {ca} --connect-to "
                + "kubernetes:443:$(sed -n 's|.*server: https://||p' \"$KUBECONFIG\") https://kubernetes/ > "
                + $"{copy}.answer; stat -c %a \"$KUBECONFIG\" $(dirname \"$KUBECONFIG\") > {copy}.modes; exit 7"
        );
        Assert.Equal((7, "", ""), (run.Exit, run.Out, run.Error));
        Assert.Equal("ok\n", await File.ReadAllTextAsync($"{copy}.answer", Cancel));
        Assert.Equal("600\n700\n", await File.ReadAllTextAsync($"{copy}.modes", Cancel));
        var written = KubeconfigText.Parse(await File.ReadAllTextAsync(copy, Cancel), copy);
        Assert.Equal("weft-east", written.CurrentContext);
        Assert.Equal(token, written.Find("users", "weft-east")!["user"]!["tokenFile"]!.ToString());
        Assert.False(File.Exists(site.Kubeconfig));
    }

    [Fact]
    public async Task Reports_ThatTheProgramIsNotThere()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("kubernetes");
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        var run = await site.Run("proxy", "east", "--certificate-authority", ca, "--", "no-such-program");
        Assert.Equal(127, run.Exit);
        Assert.StartsWith("error: no-such-program can't be started", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warns_OfCertificates_ThatKubectlWillNotTrust()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("api.example");
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        var name = await site.Run("proxy", "east", "--certificate-authority", ca, "--", "true");
        Assert.Equal(
            (
                0,
                "warning: the API server of kubernetesclusters/east answers, but kubectl won't talk to it: its "
                    + "certificate isn't for 'kubernetes' but for api.example; name one with --tls-server-name\n"
            ),
            (name.Exit, name.Error)
        );
        var trust = await site.Run("proxy", "east", "--tls-server-name", "api.example", "--", "true");
        Assert.Contains("its certificate isn't trusted (", trust.Error, StringComparison.Ordinal);
        var good = await site.Run(
            "proxy",
            "east",
            "--certificate-authority",
            ca,
            "--tls-server-name",
            "api.example",
            "--",
            "true"
        );
        Assert.Equal((0, ""), (good.Exit, good.Error));
    }

    [Fact]
    public async Task Trusts_WhatTheClustersAgentReports()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("kubernetes");
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        var copy = site.Weft.PathOf("copy");

        var unreported = await site.Run(["proxy", "east", .. Copying(copy)]);
        Assert.StartsWith(
            "warning: the API server of kubernetesclusters/east answers, but kubectl won't talk to it: its certificate isn't trusted (",
            unreported.Error,
            StringComparison.Ordinal
        );
        Assert.Null((await ClusterOf(copy))["certificate-authority-data"]);

        await site.Report(Documents.East, ca);
        var reported = await site.Run(["proxy", "east", .. Copying(copy)]);
        Assert.Equal((0, ""), (reported.Exit, reported.Error));
        var data = (await ClusterOf(copy))["certificate-authority-data"]!.ToString();
        Assert.Equal(
            (await File.ReadAllTextAsync(ca, Cancel)).TrimEnd(),
            Encoding.UTF8.GetString(Convert.FromBase64String(data)).TrimEnd()
        );

        await site.Report(Documents.East, site.Certificate("other").File);
        var changed = await site.Run(["proxy", "east", .. Copying(copy)]);
        Assert.Contains("its certificate isn't trusted (", changed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trusts_WhomSomebodyNames_WhateverTheClustersAgentReports()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("kubernetes");
        var (_, other) = site.Certificate("other");
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        var copy = site.Weft.PathOf("copy");
        await site.Report(Documents.East, ca);

        var named = await site.Run(["proxy", "east", "--certificate-authority", other, .. Copying(copy)]);

        Assert.Contains("its certificate isn't trusted (", named.Error, StringComparison.Ordinal);
        var cluster = await ClusterOf(copy);
        Assert.Equal(
            (other, null),
            (cluster["certificate-authority"]?.ToString(), cluster["certificate-authority-data"])
        );
    }

    [Fact]
    public async Task Copies_UserAndCertificates_FromAnotherContext()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("api.example");
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        File.Copy(
            ca,
            Path.Combine(Directory.CreateDirectory(Path.GetDirectoryName(site.Kubeconfig)!).FullName, "ca.crt")
        );
        await File.WriteAllTextAsync(
            site.Kubeconfig,
            """
            clusters:
            - cluster: {certificate-authority: ca.crt, server: "https://api.example:6443"}
              name: real
            contexts:
            - context: {cluster: real, user: me, namespace: web}
              name: me@real
            users:
            - name: me
              user: {client-certificate: me.crt, client-key: me.key}
            """,
            Cancel
        );
        await site.Report(Documents.East, site.Certificate("other").File);
        var copy = site.Weft.PathOf("copy");
        var run = await site.Run(
            "proxy",
            "east",
            "--from-context",
            "me@real",
            "--",
            "sh",
            "-c",
            $"cp \"$KUBECONFIG\" {copy}"
        );
        Assert.Equal((0, ""), (run.Exit, run.Error));
        var written = KubeconfigText.Parse(await File.ReadAllTextAsync(copy, Cancel), copy);
        var cluster = written.Find("clusters", "weft-east")!["cluster"]!;
        Assert.Equal(
            ("api.example", Path.Combine(Path.GetDirectoryName(site.Kubeconfig)!, "ca.crt")),
            (cluster["tls-server-name"]!.ToString(), cluster["certificate-authority"]!.ToString())
        );
        Assert.Null(cluster["certificate-authority-data"]);
        Assert.Equal("web", written.Find("contexts", "weft-east")!["context"]!["namespace"]!.ToString());
        Assert.Equal(
            Path.Combine(Path.GetDirectoryName(site.Kubeconfig)!, "me.key"),
            written.Find("users", "weft-east")!["user"]!["client-key"]!.ToString()
        );
    }

    [Fact]
    public async Task Refuses_AtOnce_WhereARuleDoes_AndWritesNothing()
    {
        await using var site = await RelaySite.Start();
        (await site.Rules(Documents.East, """{"ipRules":[{"ipMask":"192.0.2.0/24"}]}""")).Expect(201);
        var run = await site.Run("proxy", "east", "--timeout", "1m").WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal((1, ""), (run.Exit, run.Out));
        Assert.StartsWith(
            "error: your address 127.0.0.1 is not in the networks that east lets in to kubernetes (cluster east: deny by default)",
            run.Error,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "next: weft relay check --to cluster/east --service kubernetes says by which rule",
            run.Error,
            StringComparison.Ordinal
        );
        Assert.False(Directory.Exists(Path.GetDirectoryName(site.Kubeconfig)));
    }

    [Fact]
    public async Task Waits_ForTheAgent()
    {
        await using var site = await RelaySite.Start();
        var (certificate, ca) = site.Certificate("kubernetes");
        var late = site.Run("proxy", "east", "--certificate-authority", ca, "--", "true");
        await Eventually.Holds(
            () => site.Weft.ErrorSoFar.StartsWith("waiting: ", StringComparison.Ordinal) || late.IsCompleted,
            "it says that it waits"
        );
        Assert.False(late.IsCompleted);
        await site.Listen(Documents.East, ("kubernetes", site.ServeTls(certificate)));
        var run = await late.WaitAsync(TimeSpan.FromSeconds(15), Cancel);
        Assert.Equal(0, run.Exit);
        Assert.StartsWith(
            "waiting: nobody answers for kubernetes of kubernetesclusters/east: ",
            run.Error,
            StringComparison.Ordinal
        );
        var never = await site.Run("proxy", "west", "--timeout", "1s", "--", "true");
        Assert.Equal(1, never.Exit);
        Assert.Contains(
            "error: nobody answers for kubernetes of kubernetesclusters/west",
            never.Error,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("--port", "70000")]
    [InlineData("--address", "here")]
    [InlineData("--client-key", "/etc/hostname")]
    [InlineData("--certificate-authority", "/no/such/file")]
    [InlineData("--set-current", "--no-set-current")]
    public async Task Refuses_OptionsThatDontFitTogether(string option, string value)
    {
        await using var site = await RelaySite.Start();
        Assert.Equal(64, (await site.Run("proxy", "east", option, value)).Exit);
    }

    [Fact]
    public async Task Refuses_PortThatIsTaken()
    {
        await using var site = await RelaySite.Start();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        var run = await site.Run("proxy", "east", "--port", $"{port}");
        Assert.Equal(1, run.Exit);
        Assert.StartsWith($"error: 127.0.0.1:{port} can't be listened at: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Renews_Credentials_BeforeTheyEnd_AndKeepsThemWhileTheServerIsAway()
    {
        using var weft = new CommandLine();
        var asked = 0;
        var clock = CommandLine.ClockAt("2026-11-23T10:00:00Z");
        var away = false;
        AnswerWithCredentials(weft, () => away ? null : ($"t{++asked}", clock.GetUtcNow().AddHours(1)));
        using var http = new HttpClient(weft.Weftd, disposeHandler: false);
        using var client = new Weft.Cli.Arm.ArmClient(http, new Uri("http://127.0.0.1:7400/"), "x", clock, null);
        using var source = new RelayCredentialSource(
            client,
            Weft.Resources.ResourceId.Parse(
                $"{CommandLine.Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/east"
            ).Value,
            TimeSpan.FromHours(1)
        );

        var first = await source.GetAsync(Cancel);
        Assert.Equal(("relay.example", 443, "t1"), (first.Address.Host, first.Address.Port, first.Token));
        clock.Advance(TimeSpan.FromMinutes(47));
        Assert.Equal("t1", (await source.GetAsync(Cancel)).Token);
        clock.Advance(TimeSpan.FromMinutes(2));
        away = true;
        Assert.Equal("t1", (await source.GetAsync(Cancel)).Token);
        away = false;
        var second = await source.GetAsync(Cancel);
        Assert.Equal("t2", second.Token);
        source.Invalidate(first);
        Assert.Equal("t2", (await source.GetAsync(Cancel)).Token);
        source.Invalidate(second);
        Assert.Equal("t3", (await source.GetAsync(Cancel)).Token);
        Assert.DoesNotContain("t3", $"{await source.GetAsync(Cancel)}", StringComparison.Ordinal);
    }

    /// <summary>What makes a program of <c>weft proxy</c> keep its kubeconfig.</summary>
    private static string[] Copying(string file) => ["--", "sh", "-c", $"cp \"$KUBECONFIG\" {file}"];

    /// <summary>The cluster of such a kubeconfig.</summary>
    private static async Task<JsonNode> ClusterOf(string file) =>
        KubeconfigText.Parse(await File.ReadAllTextAsync(file, Cancel), file).Find("clusters", "weft-east")![
            "cluster"
        ]!;

    /// <summary>Has the server give the token there is, or fail where there is none.</summary>
    private static void AnswerWithCredentials(CommandLine weft, Func<(string Token, DateTimeOffset Expires)?> next) =>
        weft.Weftd.CannedResponses[
            $"{CommandLine.Group}/providers/Microsoft.NetworkCloud/kubernetesClusters/east/providers/Weft.Relay/"
                + "connections/default/listCredentials"
        ] = _ =>
            next() is not var (token, expires)
                ? FakeWeftd.Error(HttpStatusCode.InternalServerError, "InternalError", "away")
                : FakeWeftd.Json(
                    new JsonObject
                    {
                        ["relay"] = "wss://relay.example",
                        ["hybridConnectionName"] = "weft/sub/site/kubernetesClusters/east",
                        ["token"] = token,
                        ["expiresOn"] = expires.ToUnixTimeSeconds(),
                    }
                );
}
