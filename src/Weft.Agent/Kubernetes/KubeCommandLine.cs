using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Weft.Agent.Reconcilers;
using Weft.Attachments;

namespace Weft.Agent.Kubernetes;

/// <summary>The part of the command line that is about a cluster's API server.</summary>
internal sealed class KubeCommandLine
{
    // Where every pod finds it: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
    private const string ServiceAccountAuthority = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

    private readonly Option<bool> _inCluster = new("--kubernetes")
    {
        Description = "Write objects to the API server of the pod's own cluster instead of a folder.",
    };

    private readonly Option<string?> _kubeConfig = new("--kubeconfig")
    {
        HelpName = "FILE",
        Description = "Write objects to the API server of this kubeconfig.",
    };

    private readonly Option<string?> _context = new("--context")
    {
        HelpName = "NAME",
        Description = "The context in the kubeconfig; without it, its current one.",
    };

    private readonly Option<string?> _authority = new("--cluster-ca")
    {
        HelpName = "FILE",
        Description =
            "The CA certificates of the cluster's API server, PEM, for people who come by the relay. "
            + $"[default: with --kubernetes and without --node {ServiceAccountAuthority}]",
    };

    private readonly Option<bool?> _election = new("--leader-election")
    {
        HelpName = "true|false",
        Description = "One of several replicas writes. [default: true with --kubernetes and without --node]",
    };

    private readonly Option<string?> _secret = new("--identity-secret")
    {
        HelpName = "NAME",
        Description = "The Secret in weft-system that keeps the agent's credential, for replicas without a disk.",
    };

    private readonly Option<IPEndPoint?> _listen = new("--webhook-listen")
    {
        HelpName = "[ADDRESS]:PORT",
        Description = "Serve the admission webhook here.",
        CustomParser = ReadEndPoint,
    };

    private readonly Option<string?> _certificate = new("--webhook-cert")
    {
        HelpName = "FILE",
        Description = "The webhook's certificate, PEM; without it the agent makes one and registers it.",
    };

    private readonly Option<string?> _key = new("--webhook-key")
    {
        HelpName = "FILE",
        Description = "The key of --webhook-cert, PEM.",
    };

    /// <summary>Adds the options to the command.</summary>
    /// <param name="node">The option that names the node served.</param>
    public void AddTo(Command command, Option<string?> node)
    {
        foreach (
            var option in (Option[])
                [_inCluster, _kubeConfig, _context, _authority, _election, _secret, _listen, _certificate, _key]
        )
            command.Options.Add(option);
        _secret.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !DnsLabel.IsSubdomain(text))
                result.AddError(
                    $"--identity-secret is '{text}'; it must be a Secret's name: DNS labels with dots between them"
                );
        });
        command.Validators.Add(result => Check(result, node));
    }

    /// <summary>Reads the options.</summary>
    /// <param name="node">The option that names the node served.</param>
    /// <param name="drift">The option that says what becomes of changes by others.</param>
    /// <returns>The options, or null where no API server is written to.</returns>
    public KubeOptions? Read(ParseResult parsed, Option<string?> node, Option<DriftPolicy> drift)
    {
        var file = parsed.GetValue(_kubeConfig);
        if (!parsed.GetValue(_inCluster) && file is null)
            return null;
        return new KubeOptions
        {
            KubeConfig = file is null ? null : Path.GetFullPath(file),
            Context = parsed.GetValue(_context),
            LeaderElection = parsed.GetValue(_election) ?? (file is null && parsed.GetValue(node) is null),
            Drift = parsed.GetValue(drift),
            IdentitySecret = parsed.GetValue(_secret),
            WebhookListen = parsed.GetValue(_listen),
            WebhookCertificate = parsed.GetValue(_certificate) is { } certificate
                ? Path.GetFullPath(certificate)
                : null,
            WebhookKey = parsed.GetValue(_key) is { } key ? Path.GetFullPath(key) : null,
        };
    }

    /// <summary>
    /// Reads where the CA certificates of the API server are; also an agent that writes to none may know them.
    /// </summary>
    /// <param name="node">The option that names the node served.</param>
    /// <returns>The file, or null for none.</returns>
    public string? ReadAuthority(ParseResult parsed, Option<string?> node) =>
        parsed.GetValue(_authority) is { } file ? Path.GetFullPath(file)
        : parsed.GetValue(_inCluster) && parsed.GetValue(node) is null ? ServiceAccountAuthority
        : null;

    private void Check(CommandResult result, Option<string?> node)
    {
        bool Given(Option option) => result.GetResult(option) is { Implicit: false };
        if (Given(_inCluster) && Given(_kubeConfig))
            result.AddError("--kubernetes and --kubeconfig are two ways to one API server: give one of them");
        if (!Given(_inCluster) && !Given(_kubeConfig))
        {
            foreach (var option in ((Option[])[_context, _election, _secret, _listen, _certificate, _key]).Where(Given))
                result.AddError(
                    $"{option.Name} is about a cluster's API server: give --kubernetes or --kubeconfig with it"
                );
        }

        if (Given(_context) && !Given(_kubeConfig))
            result.AddError("--context names a context of a kubeconfig: give --kubeconfig with it");
        if (Given(node) && Given(_authority))
            result.AddError(
                "--cluster-ca is the cluster's, and --node is given: only the agent that serves the cluster as a whole tells of it"
            );
        if (Given(node) && result.GetValue(_election) is true)
            result.AddError(
                "--leader-election is true, and --node is given: an agent that serves a node can't stand by; "
                    + "let another agent serve the cluster"
            );
        if (Given(_certificate) != Given(_key))
            result.AddError(
                "--webhook-cert and --webhook-key go together: give both, or neither and the agent makes a certificate"
            );
        if (Given(_certificate) && !Given(_listen))
            result.AddError("--webhook-cert is for the webhook: give --webhook-listen with it");
    }

    private static IPEndPoint? ReadEndPoint(ArgumentResult result)
    {
        var text = result.Tokens is [{ Value: var only }] ? only : "";
        var whole = text.StartsWith(':') ? $"[::]{text}" : text;
        if (IPEndPoint.TryParse(whole, out var point) && point.Port > 0)
            return point;
        result.AddError($"--webhook-listen is '{text}'; it must be :PORT or ADDRESS:PORT, such as :8443");
        return null;
    }
}
