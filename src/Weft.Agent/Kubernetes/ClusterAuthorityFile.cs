using Weft.Agent.Inventory;
using Weft.Fleet;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// The file of the CA certificates by which the cluster's API server is known. It is read anew when it was replaced: the kubelet does that when
/// the cluster's authority is another.
/// </summary>
internal sealed class ClusterAuthorityFile(string path, Log log)
{
    private FileIdentity? _read;
    private string? _held;
    private string? _complaint;

    /// <summary>Reads it, if it is another than before.</summary>
    /// <returns>The certificates, PEM; where it can't be read or holds something else, what it held before; null while it never held any.</returns>
    public string? Read()
    {
        var found = FileIdentity.Of(path);
        if (found is not null && found == _read)
            return _held;
        try
        {
            _read = null;
            if (ClusterAuthority.Read(Text()).TryGet(out var authority, out var refusal))
                (_held, _complaint) = (authority, null);
            else
                Complain(refusal.Message);
            _read = found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Complain(e.Message);
        }

        return _held;
    }

    /// <summary>As much of the file as tells whether it is too long: it may be any file.</summary>
    private string Text()
    {
        using var reader = new StreamReader(path);
        var text = new char[ClusterAuthority.LongestText + 1];
        return new string(text, 0, reader.ReadBlock(text));
    }

    /// <summary>Said once, as long as it is the same: a file that isn't there is asked for every few seconds.</summary>
    private void Complain(string what)
    {
        if (_complaint != what)
            log.Warn("cluster-ca-unread", null, ("file", path), ("error", what), ("kept", _held is not null));
        _complaint = what;
    }
}
