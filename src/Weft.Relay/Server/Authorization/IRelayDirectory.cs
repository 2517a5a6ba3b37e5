using System.Collections.Immutable;
using System.Net;
using Weft.Relay.Protocol;

namespace Weft.Relay.Server.Authorization;

/// <summary>
/// What the relay asks of whoever hosts it: which hybrid connections there are, and who may come in. Asked for each
/// connection, so it answers from memory.
/// </summary>
internal interface IRelayDirectory
{
    /// <summary>
    /// Whether the connections are known yet. While they aren't, everybody is asked to come again (503): a 404 would
    /// end a listener for ever.
    /// </summary>
    bool IsReady { get; }

    /// <summary>
    /// A number that is raised by every change that may alter <see cref="Find"/> or <see cref="Admit"/>. Sessions that
    /// were admitted under another number are asked about again.
    /// </summary>
    long Version { get; }

    /// <summary>
    /// Raised after <see cref="Version"/> was, so that sessions are checked at once; its handlers return at once. A
    /// directory that can't raise it needn't: the version is looked at four times a second anyway, so that a hint that
    /// is lost costs a delay and never a session that stays.
    /// </summary>
    event Action Changed
    {
        add { }
        remove { }
    }

    /// <summary>Finds the hybrid connection that a path leads to.</summary>
    /// <param name="path">The path of a request without <c>/$hc/</c>, decoded once and checked: segments separated by
    /// single slashes, and perhaps a suffix after the connection's own path.</param>
    /// <returns>The connection whose path is the longest prefix of <paramref name="path"/> by whole segments; null
    /// where there is none.</returns>
    HybridConnectionDescription? Find(string path);

    /// <summary>
    /// Finds the rules that would be good for any connection at a path where there is none: those of its namespace. Who
    /// holds such a key is told that there is no connection; others aren't.
    /// </summary>
    /// <param name="path">A path as for <see cref="Find"/>.</param>
    /// <returns>The rules; none where there is no namespace.</returns>
    ImmutableArray<AuthorizationRule> RulesAbove(string path);

    /// <summary>Decides by the network rules.</summary>
    /// <param name="service">The suffix after the connection's path, without its slash: the name of the service wanted;
    /// empty for the connection's own.</param>
    /// <param name="source">Where the caller comes from: IPv4 addresses as such, never mapped.</param>
    /// <returns>Whether it may, and by which rule.</returns>
    Admission Admit(HybridConnectionDescription connection, ClientRole role, string service, IPAddress source);
}

/// <summary>What a caller is to a hybrid connection.</summary>
internal enum ClientRole
{
    /// <summary>It answers: control channel, accepted rendezvous, answered requests.</summary>
    Listener,

    /// <summary>It asks: WebSockets and HTTP requests.</summary>
    Sender,
}

/// <summary>A decision by the network rules.</summary>
/// <param name="Rule">The rule that decided, for the audit log, for example <c>cluster core-east: allow
/// 10.0.0.0/8</c>.</param>
/// <param name="Refusal">What a caller with a good token is told, for example <c>your address 203.0.113.7 is not in the
/// allowed networks of core-east</c>; null where it may.</param>
internal readonly record struct Admission(bool IsAllowed, string Rule, string? Refusal = null);
