using Weft.Agent.Linux;
using Weft.Fleet;

namespace Weft.Agent.Kubernetes;

/// <summary>
/// The file of the CA certificates by which the cluster's API server is known. It is read anew when it was replaced:
/// the kubelet does that when the cluster's authority is another.
/// </summary>
internal sealed class ClusterAuthorityFile(string path, ILogger log)
{
    private FileIdentity? _read;
    private string? _current;
    private string? _lastError;

    /// <summary>Reads it, if it is another than before.</summary>
    /// <returns>The certificates, PEM; where it can't be read or holds something else, what it held before; null while
    /// it never held any.</returns>
    public string? Read()
    {
        var found = FileIdentity.Read(path);
        if (found is not null && found == _read)
            return _current;
        try
        {
            _read = null;
            if (ClusterAuthority.Parse(ReadText()).TryGet(out var authority, out var refusal))
                (_current, _lastError) = (authority, null);
            else
                LogOnce(refusal.Message);
            _read = found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogOnce(e.Message);
        }

        return _current;
    }

    /// <summary>As much of the file as tells whether it is too long: it may be any file.</summary>
    private string ReadText()
    {
        using var reader = new StreamReader(path);
        var text = new char[ClusterAuthority.MaxLength + 1];
        return new string(text, 0, reader.ReadBlock(text));
    }

    /// <summary>Logs an error only when it has changed: the file is read every few seconds.</summary>
    private void LogOnce(string what)
    {
        if (_lastError != what)
            log.ClusterCaUnread(path, what, _current is not null);
        _lastError = what;
    }
}
