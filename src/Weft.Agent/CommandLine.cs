using System.CommandLine;
using System.CommandLine.Parsing;
using Weft.Agent.Kubernetes;
using Weft.Agent.Reconcilers;
using Weft.Agent.Relay;
using Weft.Agent.Verification;
using Weft.Attachments;
using Weft.Contracts;
using Weft.Logging;
using Weft.Resources;

namespace Weft.Agent;

/// <summary>The command line. Secrets are never on it: they are read from files.</summary>
internal sealed class CommandLine
{
    private readonly Option<Uri> _server = new("--server")
    {
        Required = true,
        HelpName = "URL",
        Description = "The control plane, such as https://weft.example:8443.",
        CustomParser = ReadServer,
    };

    private readonly Option<string> _state = new("--state")
    {
        Required = true,
        HelpName = "DIR",
        Description = "The agent's own directory; it is made with mode 0700.",
    };

    private readonly Option<string> _name = new("--name")
    {
        Required = true,
        HelpName = "NAME",
        Description = "The agent's name: a DNS label, unique in the cluster.",
    };

    private readonly Option<string?> _node = new("--node")
    {
        HelpName = "NODE",
        Description = "The node the agent serves; without it, the cluster as a whole.",
    };

    private readonly Option<string?> _tokenFile = new("--enrollment-token-file")
    {
        HelpName = "FILE",
        Description = "Holds the enrolment token; needed at the first start only.",
    };

    private readonly Option<string?> _accountTokenFile = new("--service-account-token-file")
    {
        HelpName = "FILE",
        Description = "A token of the pod's service account for the audience weft: a node joins --cluster by it.",
    };

    private readonly Option<string?> _cluster = new("--cluster")
    {
        HelpName = "ID",
        Description = "The id of the Kubernetes cluster, with --service-account-token-file.",
    };

    private readonly Option<double> _credentialMaxAge = CredentialOption();

    private readonly Option<string?> _authority = new("--ca")
    {
        HelpName = "FILE",
        Description = "PEM certificates that are the only roots of trust; without it, the system's.",
    };

    private readonly Option<string> _socket = new("--socket")
    {
        HelpName = "PATH",
        Description = "The unix socket that weft-ipam asks.",
        DefaultValueFactory = _ => PluginSocket.DefaultPath,
    };

    private readonly Option<string?> _manifests = new("--manifests")
    {
        HelpName = "DIR",
        Description = "Where manifests go. [default: STATE/manifests]",
    };

    private readonly Option<string?> _nodes = new("--nodes-dir")
    {
        HelpName = "DIR",
        Description = "Where node files go, as DIR/NODE/PATH. [default: STATE/nodes]",
    };

    private readonly Option<string[]> _plugins = new("--cni-bin")
    {
        HelpName = "DIR",
        Description = "Where CNI plugins are installed; may be repeated. [default: /opt/cni/bin and /usr/lib/cni]",
    };

    private readonly Option<string> _sys = new("--sys")
    {
        HelpName = "DIR",
        Description = "The node's /sys, from which its inventory is read.",
        DefaultValueFactory = _ => "/sys",
    };

    private readonly Option<string> _proc = new("--proc")
    {
        HelpName = "DIR",
        Description = "The node's /proc, likewise.",
        DefaultValueFactory = _ => "/proc",
    };

    private readonly Option<string?> _sandboxes = new("--sandboxes")
    {
        HelpName = "DIR",
        Description =
            "Where the container runtime has an entry for each sandbox, named by its id: "
            + "addresses of one that is there are never taken back.",
    };

    private readonly KubeCommandLine _kubernetes = new();
    private readonly RelayCommandLine _relay = new();

    private readonly Option<bool> _applyNode = new("--apply-node")
    {
        Description = "Keep the network of this node (--node) true, not only its files.",
    };

    private readonly Option<string?> _nodePolicy = Nodes.NodeCommand.PolicyOption();
    private readonly Option<string> _nodeNetwork = Nodes.NodeCommand.NetworkOption();
    private readonly Option<double> _rollbackAfter = Nodes.NodeCommand.RollbackOption();

    private readonly Option<DriftPolicy> _drift = new("--drift")
    {
        HelpName = "mend|report",
        Description = "What becomes of changes by others.",
        DefaultValueFactory = _ => DriftPolicy.Mend,
    };

    private readonly Option<LogLevel?> _logLevel = new("--log-level")
    {
        HelpName = LogLevelNames.Choice,
        Description = "The least level that is logged. [default: info]",
        CustomParser = ReadLogLevel,
    };

    /// <summary>The command: parsing it refuses what is wrong, invoking it runs the agent.</summary>
    /// <param name="run">Runs the agent and answers the exit code.</param>
    public RootCommand Command(Func<AgentOptions, Task<int>> run)
    {
        var command = new RootCommand("Makes one cluster and its nodes true, and answers weft-ipam.")
        {
            _server,
            _state,
            _name,
            _node,
            _tokenFile,
            _accountTokenFile,
            _cluster,
            _credentialMaxAge,
            _authority,
            _socket,
            _manifests,
            _nodes,
            _plugins,
            _sys,
            _proc,
            _sandboxes,
            _applyNode,
            _nodePolicy,
            _nodeNetwork,
            _rollbackAfter,
            _drift,
            _logLevel,
        };
        _kubernetes.AddTo(command, _node);
        _relay.AddTo(command);
        _name.Validators.Add(result =>
            Check(result, "--name", DnsLabel.IsValid, "a DNS label: 1 to 63 of a-z, 0-9 and '-', not '-' at either end")
        );
        _node.Validators.Add(result =>
            Check(result, "--node", DnsLabel.IsSubdomain, "a node's name: DNS labels with dots between them")
        );
        command.Subcommands.Add(new LocalVerification().Command());
        command.Validators.Add(result =>
        {
            if (result.GetValue(_applyNode) && result.GetValue(_node) is null)
                result.AddError("--apply-node needs --node NODE: which node's network this is");
            if (result.GetValue(_nodePolicy) is not null && !result.GetValue(_applyNode))
                result.AddError("--node-policy is about what --apply-node does: give that too, or leave it out");
            CheckJoin(result);
        });
        command.Subcommands.Add(Nodes.NodeCommand.Command());
        command.SetAction((parsed, _) => run(Read(parsed)));
        return command;
    }

    private void CheckJoin(CommandResult result)
    {
        var (file, cluster) = (result.GetValue(_accountTokenFile), result.GetValue(_cluster));
        if ((file is null) != (cluster is null))
            result.AddError("--service-account-token-file FILE and --cluster ID go together");
        else if (file is not null && result.GetValue(_tokenFile) is not null)
            result.AddError("--enrollment-token-file and --service-account-token-file are two ways to enrol: give one");
        else if (file is not null && result.GetValue(_node) is null)
            result.AddError("--service-account-token-file is for the agent of a node: give --node too");
        else if (cluster is not null && !ResourceId.TryParse(cluster, out _))
            result.AddError($"--cluster is '{cluster}'; it must be the cluster's id, /subscriptions/…");
    }

    private AgentOptions Read(ParseResult parsed)
    {
        var state = Path.GetFullPath(parsed.GetRequiredValue(_state));
        var options = new AgentOptions
        {
            Server = parsed.GetRequiredValue(_server),
            State = state,
            Name = parsed.GetRequiredValue(_name),
            Node = parsed.GetValue(_node),
            TokenFile = parsed.GetValue(_tokenFile),
            ServiceAccountTokenFile = parsed.GetValue(_accountTokenFile),
            Cluster = parsed.GetValue(_cluster),
            CredentialMaxAge = TimeSpan.FromDays(parsed.GetRequiredValue(_credentialMaxAge)),
            CertificateAuthorityFile = parsed.GetValue(_authority),
            Socket = Path.GetFullPath(parsed.GetRequiredValue(_socket)),
            Manifests = Path.GetFullPath(parsed.GetValue(_manifests) ?? Path.Join(state, "manifests")),
            Nodes = Path.GetFullPath(parsed.GetValue(_nodes) ?? Path.Join(state, "nodes")),
            LogLevel = parsed.GetValue(_logLevel) ?? LogLevel.Information,
        };
        return ReadCluster(parsed, ReadNode(parsed, options));
    }

    /// <summary>The options about the node that the agent runs on.</summary>
    private AgentOptions ReadNode(ParseResult parsed, AgentOptions options) =>
        options with
        {
            ApplyNode = parsed.GetValue(_applyNode),
            NodePolicy = parsed.GetValue(_nodePolicy),
            NodeNetwork = parsed.GetRequiredValue(_nodeNetwork),
            RollbackAfter = TimeSpan.FromSeconds(parsed.GetRequiredValue(_rollbackAfter)),
            RepairsDrift = parsed.GetValue(_drift) == DriftPolicy.Mend,
            PluginFolders = parsed.GetValue(_plugins) is { Length: > 0 } folders
                ? [.. folders.Select(Path.GetFullPath)]
                : AgentOptions.StandardPluginFolders,
            Sys = Path.GetFullPath(parsed.GetRequiredValue(_sys)),
            Proc = Path.GetFullPath(parsed.GetRequiredValue(_proc)),
            Sandboxes = parsed.GetValue(_sandboxes) is { } sandboxes ? Path.GetFullPath(sandboxes) : null,
        };

    /// <summary>The options about the cluster's API server and about what is reached through the relay.</summary>
    private AgentOptions ReadCluster(ParseResult parsed, AgentOptions options)
    {
        var kubernetes = _kubernetes.Read(parsed, _node, _drift);
        var isInCluster = kubernetes is { KubeConfig: null };
        return options with
        {
            Kubernetes = kubernetes,
            ClusterAuthority = _kubernetes.ReadAuthority(parsed, _node),
            Relay = _relay.Read(parsed, options.Node is not null, isInCluster, options.CertificateAuthorityFile),
        };
    }

    private static Option<double> CredentialOption()
    {
        const string Name = "--credential-max-age";
        var option = new Option<double>(Name)
        {
            HelpName = "DAYS",
            Description = "The agent replaces its credential before it is so old; 0 lets it grow old.",
            DefaultValueFactory = _ => 30,
        };
        option.Validators.Add(result =>
            Check(
                result,
                Name,
                text =>
                    double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var days)
                    && days is 0 or (>= 0.01 and <= 365),
                "0, or 0.01 to 365 days"
            )
        );
        return option;
    }

    private static void Check(OptionResult result, string option, Func<string, bool> isGood, string expected)
    {
        if (result.Tokens is [{ Value: var text }] && !isGood(text))
            result.AddError($"{option} is '{text}'; it must be {expected}");
    }

    private static LogLevel? ReadLogLevel(ArgumentResult result)
    {
        var word = result.Tokens is [{ Value: var only }] ? only : "";
        if (LogLevelNames.Parse(word) is { } level)
            return level;
        result.AddError($"--log-level is '{word}'; it must be one of {LogLevelNames.Choice}");
        return null;
    }

    private static Uri ReadServer(ArgumentResult result)
    {
        var text = result.Tokens is [{ Value: var only }] ? only : "";
        if (
            Uri.TryCreate(text, UriKind.Absolute, out var url)
            && url is { Scheme: "https" or "http", Query: "", Fragment: "", UserInfo: "" }
        )
            return url;
        result.AddError(
            $"--server is '{text}'; it must be a URL such as https://weft.example:8443, without query, fragment or user"
        );
        return null!;
    }
}
