using System.Text.Json.Nodes;

namespace Weft.Cli.Relay;

/// <summary>
/// How somebody shows who they are to an API server, and how they know it: TLS goes through the relay unbroken, so all
/// of this is theirs.
/// </summary>
internal sealed record KubeCredentials
{
    /// <summary>The file of the cluster's CA certificates, PEM; null for none named.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>A client certificate, PEM.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>Its key, PEM.</summary>
    public string? ClientKey { get; init; }

    /// <summary>The file of a bearer token, which kubectl reads each time.</summary>
    public string? TokenFile { get; init; }

    /// <summary>
    /// The name that the API server's certificate bears; null for the other context's, or
    /// <see cref="DefaultServerName"/>.
    /// </summary>
    public string? ServerName { get; init; }

    /// <summary>A context to take certificates, user and namespace from; null for none.</summary>
    public string? FromContext { get; init; }

    /// <summary>
    /// Whether nothing says how the API server is known: no CA certificates, and no other context that may have some or
    /// need none.
    /// </summary>
    public bool HasNoAuthority => CertificateAuthority is null && FromContext is null;

    /// <summary>
    /// The name that installers put into each API server's certificate, whatever its address (kubeadm, k3s, RKE2).
    /// </summary>
    public const string DefaultServerName = "kubernetes";

    private static readonly string[] ClusterMembers =
    [
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
    ];
    private static readonly string[] FileMembers =
    [
        "certificate-authority",
        "client-certificate",
        "client-key",
        "tokenFile",
    ];

    /// <summary>Makes the entry of a kubeconfig.</summary>
    /// <param name="own">The kubeconfig that <see cref="FromContext"/> is in.</param>
    /// <param name="isSameFile">Whether the entry goes into that kubeconfig too: then its user is named and not
    /// copied.</param>
    /// <exception cref="CliError">There is no such context, or what is named doesn't fit together.</exception>
    public KubeconfigEntry ToEntry(string name, string target, Uri server, KubeconfigText own, bool isSameFile)
    {
        Validate();
        var from = FromContext is null ? null : FindContext(own, FromContext);
        var cluster = ToCluster(server, from is null ? null : FindCluster(own, from));
        var user = OwnUser();
        if (user is null && from is not null && !isSameFile)
            user = own.Find("users", from["user"]?.ToString() ?? "")?["user"]?.DeepClone() as JsonObject;
        foreach (var part in new[] { cluster, user })
            MakePathsAbsolute(part, own.File);
        return new KubeconfigEntry(
            name,
            cluster,
            user,
            user is not null ? name : from?["user"]?.ToString(),
            Guid.NewGuid().ToString("N")
        )
        {
            Target = target,
            Namespace = from?["namespace"]?.ToString(),
        };
    }

    /// <summary>The cluster as kubectl is to know it.</summary>
    /// <param name="theirs">The cluster of the context that certificates and names are taken from; null for none.</param>
    private JsonObject ToCluster(Uri server, JsonObject? theirs)
    {
        var cluster = new JsonObject();
        foreach (
            var member in ClusterMembers.Where(member => CertificateAuthority is null && theirs?[member] is not null)
        )
            cluster[member] = theirs![member]!.DeepClone();
        if (CertificateAuthority is not null)
            cluster["certificate-authority"] = Path.GetFullPath(CertificateAuthority);
        cluster["server"] = server.ToString().TrimEnd('/');
        cluster["tls-server-name"] =
            ServerName ?? theirs?["tls-server-name"]?.ToString() ?? HostOf(theirs) ?? DefaultServerName;
        return cluster;
    }

    private JsonObject? FindCluster(KubeconfigText own, JsonObject context)
    {
        if (context["cluster"]?.ToString() is not { } name)
            return null;
        return own.Find("clusters", name)?["cluster"] as JsonObject
            ?? throw new CliError(
                $"context '{FromContext}' of {own.File} names the cluster '{name}', which isn't there"
            );
    }

    private static JsonObject FindContext(KubeconfigText own, string name) =>
        own.Find("contexts", name)?["context"] as JsonObject
        ?? throw new CliError(
            $"there is no context '{name}' in {own.File}",
            next: $"contexts: {string.Join(", ", own.Entries("contexts").Select(context => context["name"]))}"
        );

    private static string? HostOf(JsonObject? cluster) =>
        Uri.TryCreate(cluster?["server"]?.ToString(), UriKind.Absolute, out var server) ? server.IdnHost : null;

    /// <summary>Files in a kubeconfig are named from where it is; the entry may go elsewhere.</summary>
    private static void MakePathsAbsolute(JsonObject? part, string file)
    {
        foreach (var member in FileMembers)
        {
            if (part?[member]?.ToString() is { Length: > 0 } path && !Path.IsPathRooted(path))
                part[member] = Path.GetFullPath(path, Path.GetDirectoryName(Path.GetFullPath(file))!);
        }
    }

    private JsonObject? OwnUser()
    {
        if (TokenFile is not null)
            return new JsonObject { ["tokenFile"] = Path.GetFullPath(TokenFile) };
        return ClientCertificate is null
            ? null
            : new JsonObject
            {
                ["client-certificate"] = Path.GetFullPath(ClientCertificate),
                ["client-key"] = Path.GetFullPath(ClientKey!),
            };
    }

    private void Validate()
    {
        if (ClientCertificate is null != ClientKey is null)
            throw CliError.Usage("--client-certificate and --client-key go together");
        if (ClientCertificate is not null && TokenFile is not null)
            throw CliError.Usage(
                "--client-certificate and --kube-token-file are two ways to say who you are: name one"
            );
        foreach (
            var file in new[] { CertificateAuthority, ClientCertificate, ClientKey, TokenFile }
                .OfType<string>()
                .Where(file => !File.Exists(file))
        )
            throw CliError.Usage($"there is no file '{file}'");
    }
}
