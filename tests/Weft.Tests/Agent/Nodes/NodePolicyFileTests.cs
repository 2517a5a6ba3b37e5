using System.Runtime.Versioning;
using Weft.Agent;
using Weft.Agent.Nodes;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Agent.Nodes;

/// <summary>The policy's file on the disk: who may write it, and what holds when it changes.</summary>
[SupportedOSPlatform("linux")]
public sealed class NodePolicyFileTests : IDisposable
{
    private const UnixFileMode OwnerWrites =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-policy-").FullName;
    private readonly StringWriter _log = new();

    private string FilePath => Path.Join(_folder, "policy.json");

    [Fact]
    public void Holds_TheDefault_WithoutAFile()
    {
        var file = NodePolicyFile.Open(null, AgentLog.Open(_log, TimeProvider.System));
        Assert.Same(NodePolicy.Default, file.Current);
        file.Refresh();
        Assert.Null(file.Problem);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void Refuses_AFileThatOthersMayWrite(UnixFileMode others)
    {
        Write("{}", OwnerWrites | others);
        var refusal = Assert.Throws<StartupException>(Open);
        Assert.Contains("others than its owner may write it", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(FilePath, refusal.Message, StringComparison.Ordinal);
        Write("{}");
        _ = Open();
    }

    [Fact]
    public void Refuses_ToStart_WithEverythingThatIsWrong()
    {
        Write("""{"interface":{},"vlans":{"deny":"0"}}""");
        var message = Assert.Throws<StartupException>(Open).Message;
        Assert.Contains("interface", message, StringComparison.Ordinal);
        Assert.Contains("vlans.deny", message, StringComparison.Ordinal);
        File.Delete(FilePath);
        Assert.Contains("can't be read", Assert.Throws<StartupException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_ItAgain_AndKeepsWhatItSaid_WhileItIsNone()
    {
        Write("""{"vlans":{"deny":"100"}}""");
        var file = Open();
        Assert.NotNull(file.Current.Vlans.RuleAgainst(100));

        Write("""{"vlans":{"deny":"200"}}""");
        file.Refresh();
        Assert.Null(file.Current.Vlans.RuleAgainst(100));
        Assert.NotNull(file.Current.Vlans.RuleAgainst(200));

        Write("""{"vlans":{"deny":"x"}}""");
        file.Refresh();
        file.Refresh();
        Assert.Contains("vlans.deny", file.Problem, StringComparison.Ordinal);
        Assert.NotNull(file.Current.Vlans.RuleAgainst(200));
        Assert.Single(
            _log.ToString().Split('\n'),
            line => line.Contains("node-policy-not-taken", StringComparison.Ordinal)
        );

        File.Delete(FilePath);
        file.Refresh();
        Assert.Contains("can't be read", file.Problem, StringComparison.Ordinal);
        Assert.NotNull(file.Current.Vlans.RuleAgainst(200));

        Write("{}");
        file.Refresh();
        Assert.Null(file.Problem);
        Assert.Null(file.Current.Vlans.RuleAgainst(200));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private NodePolicyFile Open() => NodePolicyFile.Open(FilePath, AgentLog.Open(_log, TimeProvider.System));

    /// <summary>As editors do: another file takes its place.</summary>
    private void Write(string text, UnixFileMode mode = OwnerWrites)
    {
        var beside = FilePath + ".new";
        File.WriteAllText(beside, text);
        File.SetUnixFileMode(beside, mode);
        File.Move(beside, FilePath, overwrite: true);
    }
}
