using System.Net;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Http;

namespace Weft.Relay.Server.Authorization;

/// <summary>
/// What a caller was admitted with. It is held as long as the caller is connected, so that it is checked after every
/// change of the rules, and it tells the caller's endpoint when the caller has to go.
/// </summary>
internal sealed class Grant : IDisposable
{
    private readonly CancellationTokenSource _revoked = new();
    private CloseStatus? _closeStatus;
    private long _version;

    public Grant(
        HybridConnectionDescription connection,
        ClientRole role,
        string path,
        string service,
        IPEndPoint source,
        long version
    )
    {
        (Connection, Role, Path, Service, Source, _version) = (connection, role, path, service, source, version);
        Revoked = _revoked.Token;
    }

    public HybridConnectionDescription Connection { get; }

    public ClientRole Role { get; }

    /// <summary>The path asked for, with its suffix.</summary>
    public string Path { get; }

    /// <summary>The suffix.</summary>
    public string Service { get; }

    public IPEndPoint Source { get; }

    /// <summary>The token; null for anonymous senders and for listeners at a rendezvous.</summary>
    public SharedAccessSignature? Token { get; set; }

    /// <summary>The authorization rule that signed it.</summary>
    public string? Key { get; set; }

    /// <summary>The network rule that let it in.</summary>
    public string? Rule { get; set; }

    /// <summary>Whether <c>Authorization</c> held the token.</summary>
    public bool IsTokenFromAuthorization { get; set; }

    /// <summary>The version of the directory that it was last checked by.</summary>
    public long Version
    {
        get => Volatile.Read(ref _version);
        set => Volatile.Write(ref _version, value);
    }

    /// <summary>Cancelled when the caller has to go.</summary>
    public CancellationToken Revoked { get; }

    /// <summary>Why it has to go; null while it hasn't.</summary>
    public CloseStatus? CloseStatus => Volatile.Read(ref _closeStatus);

    /// <summary>Revokes it; the first reason stands.</summary>
    public void Revoke(CloseStatus closeStatus)
    {
        if (Interlocked.CompareExchange(ref _closeStatus, closeStatus, null) is not null)
            return;
        try
        {
            // On another thread: a check of thousands of grants must not wait for what each revocation sets off.
            _ = _revoked.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It left at the same moment.
        }
    }

    public void Dispose() => _revoked.Dispose();
}
