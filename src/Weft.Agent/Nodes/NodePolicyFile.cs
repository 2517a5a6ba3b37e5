using Weft.Agent.Linux;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes;

/// <summary>
/// The file of the node's policy. It is read at the start, and again once it was replaced; what holds while it can't be
/// read is what it said last.
/// </summary>
internal sealed class NodePolicyFile
{
    private const UnixFileMode WritableByOthers = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Far more than any policy has.</summary>
    private const int MaxLength = 1 << 20;

    private readonly string? _path;
    private readonly ILogger _log;
    private FileIdentity? _read;

    private NodePolicyFile(string? path, ILogger log) => (_path, _log) = (path, log);

    /// <summary>What holds.</summary>
    public NodePolicy Current { get; private set; } = NodePolicy.Default;

    /// <summary>Why the file as it is now doesn't hold; null where it does.</summary>
    public string? Problem { get; private set; }

    /// <summary>Opens the file.</summary>
    /// <param name="path">Its path; null for none, and the default.</param>
    /// <exception cref="StartupException">It can't be read, isn't a policy, or others may write it.</exception>
    public static NodePolicyFile Open(string? path, ILogger log)
    {
        var file = new NodePolicyFile(path, log);
        file.Refresh();
        return file.Problem is { } problem ? throw new StartupException(problem) : file;
    }

    /// <summary>Reads the file if it is another than before.</summary>
    public void Refresh()
    {
        if (_path is null)
            return;
        var found = FileIdentity.Read(_path);
        if (found is not null && found == _read)
            return;
        _read = found;
        var before = Problem;
        try
        {
            Problem = TryRead(_path) is { } fault ? $"the node's policy '{_path}' is not taken: {fault}" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Problem = $"the node's policy '{_path}' can't be read: {e.Message}";
        }

        if (Problem is null)
            _log.NodePolicyRead(_path);
        else if (Problem != before)
            _log.NodePolicyNotTaken(Problem);
    }

    private string? TryRead(string path)
    {
        using var file = File.OpenHandle(path);
        // Asked of the file that is read, not of its name, which may be another's by then.
        var mode = File.GetUnixFileMode(file);
        if ((mode & WritableByOthers) != 0)
            return $"others than its owner may write it (mode {Convert.ToString((int)mode, 8).PadLeft(4, '0')}); "
                + $"close it: chmod go-w {path}";
        var length = RandomAccess.GetLength(file);
        if (length > MaxLength)
            return $"it has {length} bytes; a policy has {MaxLength} at most";
        var text = new byte[length];
        var read = RandomAccess.Read(file, text, 0);
        if (!NodePolicyReader.Read(text.AsMemory(0, read)).TryGet(out var policy, out var refusal))
            return string.Join(" | ", refusal.Findings.Select(finding => finding.Message));
        Current = policy;
        return null;
    }
}
