using System.Runtime.Versioning;
using Weft.Agent.Linux;

namespace Weft.Tests.Agent.Linux;

/// <summary>Who has a file open, and when that can't be told.</summary>
[SupportedOSPlatform("linux")]
public sealed class ProcessTableTests : IDisposable
{
    private const string InitialNamespace = "pid:[4026531836]";
    private const string Group = "/dev/vfio/7";
    private const string AllCapabilities = "000001ffffffffff";
    private const string WithoutPtrace = "0000000000013000";
    private readonly string _root = Directory.CreateTempSubdirectory("weft-proc-").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Names_TheProcessThatHasAFileOpen()
    {
        Show(InitialNamespace, AllCapabilities);
        Open(42, Group);
        Assert.Equal($"process 42 has {Group} open", WhyInUse());
    }

    [Fact]
    public void Names_Nobody_WhereNoneHasIt()
    {
        Show(InitialNamespace, AllCapabilities);
        Open(42, "/dev/vfio/70");
        Assert.Null(WhyInUse());
    }

    [Theory]
    [InlineData("pid:[4026532201]", AllCapabilities)]
    [InlineData(InitialNamespace, WithoutPtrace)]
    [InlineData(InitialNamespace, "nonsense")]
    public void Takes_AFileForUsed_WhereItCannotTell(string space, string capabilities)
    {
        Show(space, capabilities);
        Assert.Contains("hostPID", WhyInUse(), StringComparison.Ordinal);
    }

    [Fact]
    public void Sees_ThisMachine()
    {
        var file = Path.Join(_root, "held");
        using var held = File.Create(file);
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root sees what others have open");
        var space = new FileInfo("/proc/self/ns/pid").LinkTarget;
        Assert.SkipUnless(space == InitialNamespace, "this is a container with processes of its own");
        Assert.Equal($"process {Environment.ProcessId} has {file} open", new ProcessTable(new Sysfs()).WhyInUse(file));
    }

    private string? WhyInUse() => new ProcessTable(new Sysfs(_root)).WhyInUse(Group);

    private void Show(string space, string capabilities)
    {
        var self = Directory.CreateDirectory(Path.Join(_root, "proc/self/ns")).Parent!.FullName;
        File.CreateSymbolicLink(Path.Join(self, "ns/pid"), space);
        File.WriteAllText(
            Path.Join(self, "status"),
            $"Name:\tweft-agent\nCapPrm:\t{capabilities}\nCapEff:\t{capabilities}\n"
        );
    }

    private void Open(int process, string file)
    {
        var folder = Directory.CreateDirectory(Path.Join(_root, $"proc/{process}/fd")).FullName;
        File.CreateSymbolicLink(Path.Join(folder, "3"), file);
    }
}
