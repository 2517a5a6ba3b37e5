using System.Diagnostics;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Tests.Attachments.Formats;

/// <summary>What is rendered, read by the programs it is rendered for.</summary>
public sealed class NetplanDocumentTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("weft-netplan");

    [Theory]
    [InlineData("core-east")]
    [InlineData("core-west")]
    public void Reads_TheNodesOfTheExample(string cluster)
    {
        RequireTool("netplan");
        var site = TestSite.Example();
        foreach (var node in ClusterRenderer.Render(site.State, Id($"kubernetesClusters/{cluster}"), site.Limits).Nodes)
            Generate(
                node.Name,
                node.Files.Single(file => file.Path.EndsWith(".yaml", StringComparison.Ordinal)).Content
            );
    }

    [Fact]
    public void Reads_EveryGoldenOfAVirtualNode()
    {
        RequireTool("netplan");
        foreach (
            var file in Directory.GetFiles(
                Path.Combine(Repository.Root, "tests", "Weft.Tests", "Attachments", "Golden"),
                "*-virtual.yaml"
            )
        )
            Generate(Path.GetFileNameWithoutExtension(file), File.ReadAllText(file).Split("---\n")[0]);
    }

    [Theory]
    [InlineData("probe1")]
    [InlineData("router1")]
    public void Reads_TheMachinesOfTheExample(string machine)
    {
        RequireTool("cloud-init");
        var site = TestSite.Example();
        var content = MachineRenderer
            .Render(site.State, Id($"virtualMachines/{machine}"), site.Limits)
            .Nodes.Single()
            .Files.Single()
            .Content;
        if (FindTool("netplan"))
            Generate(machine, content);
        var file = Path.Combine(_root.FullName, "network-config");
        File.WriteAllText(file, content);
        // Before 23.4 it knows no schema of network-config; then it must at least read it and write it as netplan has
        // it.
        var (status, output) = Run("cloud-init", "schema", "-t", "network-config", "-c", file);
        if (output.Contains("unrecognized arguments", StringComparison.Ordinal))
            (status, output) = Run(
                "cloud-init",
                "devel",
                "net-convert",
                "-p",
                file,
                "-k",
                "yaml",
                "-d",
                Path.Combine(_root.FullName, "out"),
                "-D",
                "ubuntu",
                "-O",
                "netplan"
            );
        Assert.True(status == 0, output);
    }

    public void Dispose() => _root.Delete(true);

    private static ResourceId Id(string end) =>
        ResourceId
            .Parse(
                Examples
                    .Documents()
                    .Select(d => d["id"]!.ToString())
                    .Single(id => id.EndsWith(end, StringComparison.Ordinal))
            )
            .Value;

    private void Generate(string name, string content)
    {
        var root = Path.Combine(_root.FullName, name);
        var file = Path.Combine(root, "etc", "netplan", "60-weft.yaml");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var (status, output) = Run("netplan", "generate", "--root-dir", root);
        Assert.True(status == 0 && output.Length == 0, $"{name}: {output}\n{content}");
        var made = new DirectoryInfo(Path.Combine(root, "run", "systemd", "network"));
        Assert.Equal(
            content.Contains("ethernets:", StringComparison.Ordinal)
                || content.Contains("vlans:", StringComparison.Ordinal),
            made.Exists && made.GetFiles().Length > 0
        );
    }

    private static void RequireTool(string program) =>
        Assert.SkipUnless(FindTool(program), $"{program} isn't installed");

    private static bool FindTool(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .Any(folder => File.Exists(Path.Combine(folder, program)));

    private static (int Status, string Output) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + error.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
