using System.Collections.Immutable;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Weft.Agent.Inventory;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Agent.Inventory;

/// <summary>CNI plugins are asked what they speak, once for each file.</summary>
[SupportedOSPlatform("linux")]
public sealed class PluginBinariesTests : IDisposable
{
    private const string Good = """
        case $CNI_COMMAND in
        VERSION) cat >/dev/null; echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}' ;;
        *) echo 'CNI good plugin v1.4.0-rc1' >&2; exit 1 ;;
        esac
        """;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("weft-cni-");

    public void Dispose() => _folder.Delete(true);

    [Fact]
    public async Task Asks_EachFileOnce_UntilItIsReplaced()
    {
        Script("good", Good);
        var binaries = Binaries();

        var first = Assert.Single(await Read(binaries));
        Assert.Equal(
            ("good", "0.4.0 1.0.0", "v1.4.0-rc1"),
            (first.Name, string.Join(' ', first.Versions), first.Release)
        );
        Assert.Equal(2, binaries.Runs);
        _ = await Read(binaries);
        Assert.Equal(2, binaries.Runs);
        File.Delete(Path.Join(_folder.FullName, "good"));
        Script("good", Good.Replace("v1.4.0-rc1", "v1.5.0", StringComparison.Ordinal));
        Assert.Equal("v1.5.0", Assert.Single(await Read(binaries)).Release);
        Assert.Equal(4, binaries.Runs);
    }

    [Fact]
    public async Task Leaves_WhatIsNoPlugin_Out()
    {
        Script("hangs", "sleep 60");
        Script("lies", "echo '[1,2'");
        Script("other", "echo '{\"versions\":[]}'");
        Script("floods", "yes");
        File.WriteAllText(Path.Join(_folder.FullName, "notes.conf"), "x");
        File.CreateSymbolicLink(Path.Join(_folder.FullName, "gone"), "/nonexistent");
        Script(".good.new", Good);
        Script("good", Good);
        var binaries = new PluginBinaries(
            [_folder.FullName, "/nonexistent"],
            TimeSpan.FromMilliseconds(700),
            NullLogger.Instance
        );

        Assert.Equal(["good"], (await Read(binaries)).Select(b => b.Name));
    }

    [Fact]
    public async Task Gives_PluginsNothingOfTheAgentsOwnEnvironment()
    {
        Script("good", $"env > {_folder.FullName}/env.txt; {Good}");
        Environment.SetEnvironmentVariable("WEFT_TEST_SECRET", "sesame");

        _ = await Read(Binaries());

        var seen = await File.ReadAllTextAsync(
            Path.Join(_folder.FullName, "env.txt"),
            TestContext.Current.CancellationToken
        );
        Assert.DoesNotContain("sesame", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_PluginsOfDebian()
    {
        Assert.SkipUnless(File.Exists("/usr/lib/cni/macvlan"), "containernetworking-plugins isn't installed");
        var binaries = new PluginBinaries(
            ["/nonexistent", "/usr/lib/cni"],
            TimeSpan.FromSeconds(5),
            NullLogger.Instance
        );

        var plugins = await Read(binaries);

        var macvlan = Assert.Single(plugins, p => p.Name == "macvlan");
        Assert.Contains("1.0.0", macvlan.Versions);
        Assert.All(
            ["bridge", "host-device", "ipvlan", "static", "tuning"],
            name => Assert.Contains(plugins, p => p.Name == name)
        );
    }

    private static async Task<ImmutableArray<CniBinary>> Read(PluginBinaries binaries) =>
        await binaries.Read(TestContext.Current.CancellationToken);

    private PluginBinaries Binaries() => new([_folder.FullName], TimeSpan.FromSeconds(20), NullLogger.Instance);

    private void Script(string name, string text)
    {
        var path = Path.Join(_folder.FullName, name);
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
