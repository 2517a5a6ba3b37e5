using System.CommandLine;
using Weft.Agent.ControlPlane;
using Weft.Agent.Manifests;
using Weft.Agent.Reconcilers;
using Weft.Attachments.Nodes;

namespace Weft.Agent.Nodes;

/// <summary><c>weft-agent node plan|apply -f FILE</c>: what the agent does to its node, by hand and once.</summary>
internal static class NodeCommand
{
    private const int NoChanges = 0,
        Failed = 1,
        Changes = 2;

    private static ILogger Log => AgentLog.Open(Console.Error, TimeProvider.System);

    private static readonly Option<string> File = new("--file", "-f")
    {
        Required = true,
        HelpName = "FILE",
        Description = "The desired state of a cluster as agents get it, or one node's configuration.",
    };

    private static readonly Option<string?> Node = new("--node")
    {
        HelpName = "NODE",
        Description = "The node; needed where the file has several.",
    };

    private static readonly Option<string> State = new("--state")
    {
        HelpName = "DIR",
        Description = "The agent's directory: what was made is remembered there.",
        DefaultValueFactory = _ => "/var/lib/weft-agent",
    };

    private static readonly Option<Uri?> Server = new("--server")
    {
        HelpName = "URL",
        Description = "The control plane that must stay within reach.",
    };
    private static readonly Option<string?> Authority = new("--ca")
    {
        HelpName = "FILE",
        Description = "PEM certificates that are the only roots of trust.",
    };
    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Say what would be done, and do nothing.",
    };
    private static readonly Option<string?> Policy = PolicyOption();
    private static readonly Option<string> Network = NetworkOption();
    private static readonly Option<double> Rollback = RollbackOption();

    /// <summary>What weftd has a say about on the node.</summary>
    public static Option<string?> PolicyOption() =>
        new("--node-policy")
        {
            HelpName = "FILE",
            Description =
                "JSON that says what of this node may be touched. [default: all but what the node is managed by]",
        };

    /// <summary>Who has charge of interfaces.</summary>
    public static Option<string> NetworkOption()
    {
        var option = new Option<string>("--node-network")
        {
            HelpName = "SERVICE",
            Description =
                "Who sets up the node's interfaces: auto, netplan, networkd, netlink (the agent itself) or none.",
            DefaultValueFactory = _ => NetworkService.Auto,
        };
        option.AcceptOnlyFromAmong(NetworkService.All);
        return option;
    }

    /// <summary>How long the control plane may be out of reach after a change.</summary>
    public static Option<double> RollbackOption()
    {
        var option = new Option<double>("--rollback-after")
        {
            HelpName = "SECONDS",
            Description = "Take a change back unless the control plane is within reach so soon after it; 0 keeps it.",
            DefaultValueFactory = _ => 30,
        };
        option.Validators.Add(result =>
        {
            if (
                result.Tokens is [{ Value: var text }]
                && !(
                    double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var seconds)
                    && seconds is >= 0 and <= 3600
                )
            )
                result.AddError($"--rollback-after is '{text}'; it must be 0 to 3600 seconds");
        });
        return option;
    }

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var plan = new Command(
            "plan",
            "Say what would be done to this node. Exit status: 0 nothing, 2 changes, 1 something can't be done."
        )
        {
            File,
            Node,
            State,
            Policy,
            Network,
        };
        plan.SetAction((parsed, _) => Run(parsed, isPlan: true));
        var apply = new Command(
            "apply",
            "Make this node true to a file, once. Exit status: 0 done, 1 something couldn't be done."
        )
        {
            File,
            Node,
            State,
            Policy,
            Network,
            Rollback,
            Server,
            Authority,
            DryRun,
        };
        apply.SetAction((parsed, _) => Run(parsed, isPlan: parsed.GetValue(DryRun)));
        return new Command("node", "Apply a node's configuration by hand.") { plan, apply };
    }

    private static async Task<int> Run(ParseResult parsed, bool isPlan)
    {
        try
        {
            var content = await System.IO.File.ReadAllBytesAsync(parsed.GetRequiredValue(File));
            if (
                DesiredConfiguration
                    .ReadFile(content, parsed.GetValue(Node))
                    .TryGet(out var configuration, out var refusal)
            )
                return isPlan ? await Plan(parsed, configuration) : await Apply(parsed, configuration);
            foreach (var finding in refusal.Findings)
                await Console.Error.WriteLineAsync($"weft-agent: {parsed.GetRequiredValue(File)}: {finding.Message}");
            return Failed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or StartupException)
        {
            await Console.Error.WriteLineAsync($"weft-agent: {e.Message}");
            return Failed;
        }
    }

    private static async Task<int> Plan(ParseResult parsed, NodeConfiguration configuration)
    {
        using var reconciler = CreateReconciler(parsed, configuration, null);
        var (plan, refused) = await reconciler.Plan(configuration, CancellationToken.None);
        foreach (var operation in plan.Operations)
            Console.WriteLine(operation);
        WriteLines([.. plan.Findings, .. refused.Select(TextOf)]);
        Console.WriteLine(
            plan.Operations.IsEmpty
                ? $"node {configuration.Node}: nothing to do"
                : $"node {configuration.Node}: {plan.Operations.Length} steps"
        );
        return !plan.Findings.IsEmpty || refused.Count > 0 ? Failed
            : plan.Operations.IsEmpty ? NoChanges
            : Changes;
    }

    private static async Task<int> Apply(ParseResult parsed, NodeConfiguration configuration)
    {
        using var state = StateDirectory.Open(Path.GetFullPath(parsed.GetRequiredValue(State)));
        using var reconciler = CreateReconciler(
            parsed,
            configuration,
            parsed.GetValue(Server) is { } server ? CreateProbe(parsed, server, state) : null
        );
        var result = await reconciler.Reconcile(configuration, CancellationToken.None);
        var findings = result.Findings.Concat(result.Drift.Where(drift => !drift.IsRepaired).Select(TextOf)).ToList();
        WriteLines(findings);
        Console.WriteLine($"node {configuration.Node}: {result.Written} written, {result.Removed} removed");
        return findings.Count > 0 ? Failed : NoChanges;
    }

    private static NodeReconciler CreateReconciler(
        ParseResult parsed,
        NodeConfiguration configuration,
        ControlPlaneProbe? probe
    ) =>
        new(
            configuration.Node,
            Path.GetFullPath(parsed.GetRequiredValue(State)),
            parsed.GetRequiredValue(Network),
            NodePolicyFile.Open(parsed.GetValue(Policy), Log),
            new NodeApplyOptions(
                probe is null ? TimeSpan.Zero : TimeSpan.FromSeconds(parsed.GetRequiredValue(Rollback)),
                RepairsDrift: true
            ),
            new ControlPlaneAddresses(
                probe is null ? null : parsed.GetValue(Server),
                Path.Join(Path.GetFullPath(parsed.GetRequiredValue(State)), StateDirectory.AddressesName),
                TimeProvider.System,
                Log
            ),
            probe,
            TimeProvider.System,
            Log
        );

    private static string TextOf(Drift drift) => $"{drift.What}: {drift.Was}";

    private static ControlPlaneProbe CreateProbe(ParseResult parsed, Uri server, StateDirectory state)
    {
        var options = new AgentOptions
        {
            Server = server,
            State = state.Root,
            Name = "node",
            CertificateAuthorityFile = parsed.GetValue(Authority),
            Manifests = state.Root,
            Nodes = state.Root,
        };
        return new ControlPlaneProbe(options, null, TimeProvider.System);
    }

    private static void WriteLines(IEnumerable<string> findings)
    {
        foreach (var finding in findings)
            Console.Error.WriteLine($"weft-agent: {finding}");
    }
}
