using System.Collections.Immutable;

namespace Weft.Relay.Protocol;

/// <summary>
/// The names by which a relay is reached. Under its own names a path is the whole path; under
/// <c>NAMESPACE.SUFFIX</c>, the form of Azure Relay, it is that within the namespace. Where there is a default
/// namespace, the own names stand for it.
/// </summary>
/// <param name="PublicAddress">Where the world reaches the relay: scheme, host and port.</param>
internal sealed record RelayHosts(Uri PublicAddress)
{
    private readonly ImmutableHashSet<string> _names = [HostName.Normalize(PublicAddress.IdnHost)];
    private readonly string? _suffix;

    /// <summary>Further names, beside that of <see cref="PublicAddress"/>: aliases, addresses. Default none.</summary>
    public ImmutableHashSet<string> Names
    {
        get => _names;
        init => _names = [.. _names, .. value.Select(HostName.Normalize)];
    }

    /// <summary>
    /// Whether <c>localhost</c> and the addresses of the loopback are names of the relay too: for programs on its own
    /// machine. Default: where <see cref="PublicAddress"/> is one of them.
    /// </summary>
    public bool IncludesLoopback { get; init; } = HostName.IsLoopback(HostName.Normalize(PublicAddress.IdnHost));

    /// <summary>
    /// What follows a namespace in the host name that stands for it, such as <c>relay.example.net</c>. Null, the
    /// default, for none.
    /// </summary>
    public string? Suffix
    {
        get => _suffix;
        init => _suffix = value is null ? null : HostName.Normalize(value.Trim('.'));
    }

    /// <summary>The namespace that paths under the relay's own names are of. Null, the default, for none.</summary>
    public string? DefaultNamespace { get; init; }

    /// <summary>The first segment of paths that are of no namespace. Null, the default, for none.</summary>
    public string? RootSegment { get; init; }

    /// <summary>Scheme, host and port as they stand at the head of an address.</summary>
    public string Root => RootOf(PublicAddress.Authority);

    /// <summary>What a caller asks for.</summary>
    /// <param name="authority">The host that it dialled, as its request says. What is no name of the relay's counts as
    /// its own name: it is nothing to go by.</param>
    /// <param name="path">The path within that host, decoded, without slashes at its ends.</param>
    public RelayTarget TargetOf(string authority, string path) =>
        NamespaceOf(authority) is { Length: > 0 } space
            ? new(RootOf(AuthorityOf(space)), space, Join(space, path))
            : TargetOfOwnName(path);

    /// <summary>Whether an audience's host and path cover a path.</summary>
    /// <param name="authority">The host of the audience.</param>
    /// <param name="prefix">The path of the audience.</param>
    /// <param name="path">The whole path asked for.</param>
    /// <returns>Null where the host is no name of this relay.</returns>
    public bool? Covers(ReadOnlySpan<char> authority, string prefix, string path)
    {
        if (NamespaceOf(authority) is not { } space)
            return null;
        if (space.Length == 0)
            return TokenAudience.IsPrefix(prefix.Length == 0 ? "" : TargetOfOwnName(prefix).Path, path);
        // Host names know no case, and names of namespaces neither.
        return path.StartsWith(space, StringComparison.OrdinalIgnoreCase)
            && TokenAudience.IsPrefix(Join(path[..space.Length], prefix), path);
    }

    /// <summary>
    /// Whether a namespace can be reached: at its own host, or under the relay's own names, which stand for the default
    /// namespace alone where there is one.
    /// </summary>
    public bool LeadsTo(string space) => Suffix is not null || DefaultNamespace is null || Is(space, DefaultNamespace);

    /// <summary>The host and port of a namespace; those of the relay itself where namespaces have no hosts.</summary>
    public string AuthorityOf(string space) =>
        Suffix is null ? PublicAddress.Authority
        : PublicAddress.IsDefaultPort ? $"{space}.{Suffix}".ToLowerInvariant()
        : $"{space}.{Suffix}:{PublicAddress.Port}".ToLowerInvariant();

    /// <summary>A connection's path as it is asked for at <see cref="AuthorityOf"/> its namespace.</summary>
    public string PathWithinHost(string space, string name) => Suffix is null ? Join(space, name) : name;

    /// <summary>
    /// The namespace that a host stands for; empty for the relay's own names, null for what is none of them.
    /// </summary>
    private string? NamespaceOf(ReadOnlySpan<char> authority)
    {
        if (!HostName.TryRead(authority, out var host))
            return null;
        if (Names.Contains(host) || (IncludesLoopback && HostName.IsLoopback(host)))
            return "";
        return
            Suffix is not null
            && host.Length > Suffix.Length + 1
            && host.EndsWith(Suffix, StringComparison.Ordinal)
            && host[^(Suffix.Length + 1)] == '.'
            && !host.AsSpan(0, host.Length - Suffix.Length - 1).Contains('.')
            ? host[..^(Suffix.Length + 1)]
            : null;
    }

    private RelayTarget TargetOfOwnName(string path)
    {
        var first = path.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? path[..slash] : path;
        return DefaultNamespace is null || first.Length == 0 || Is(first, DefaultNamespace) || Is(first, RootSegment)
            ? new(Root, "", path)
            : new(Root, DefaultNamespace, Join(DefaultNamespace, path));
    }

    private string RootOf(string authority) => $"{PublicAddress.Scheme}://{authority}";

    private static bool Is(string segment, string? name) => segment.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static string Join(string space, string path) => path.Length == 0 ? space : $"{space}/{path}";
}

/// <summary>What a caller asks for, by which name of the relay.</summary>
/// <param name="Root">Scheme, host and port by which it reaches the relay; of the relay's configuration.</param>
/// <param name="Namespace">The namespace that the host stands for, and that paths under it leave out; empty for
/// none.</param>
/// <param name="Path">The whole path.</param>
internal sealed record RelayTarget(string Root, string Namespace, string Path)
{
    /// <summary>A whole path as it is written under this host.</summary>
    /// <param name="path">A path of the same connection as <see cref="Path"/>.</param>
    public string PathWithinHost(string path) =>
        Namespace.Length == 0 ? path
        : path.Length > Namespace.Length ? path[(Namespace.Length + 1)..]
        : "";
}
