using System.CommandLine;
using System.CommandLine.Parsing;
using Weft.Relay.Client;

namespace Weft.Agent.Relay;

/// <summary>The part of the command line that is about the relay.</summary>
internal sealed class RelayCommandLine
{
    private readonly Option<string[]> _targets = new("--relay-target")
    {
        HelpName = "NAME=HOST:PORT",
        Description =
            "A service that people reach through the relay; may be repeated. "
            + "[default: with --node ssh=127.0.0.1:22, with --kubernetes kubernetes=kubernetes.default.svc:443]",
    };

    private readonly Option<bool> _none = new("--no-relay") { Description = "Let nobody in through the relay." };

    private readonly Option<bool> _linkLocal = new("--relay-allow-link-local")
    {
        Description =
            "Let --relay-target name addresses of the link itself (169.254.0.0/16, fe80::/10), where clouds keep their metadata.",
    };

    private readonly Option<int> _drain = new("--relay-drain")
    {
        HelpName = "SECONDS",
        Description = "How long open sessions may go on once the agent is told to stop.",
        DefaultValueFactory = _ => 5,
    };

    /// <summary>Adds the options to the command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_targets, _none, _linkLocal, _drain])
            command.Options.Add(option);
        _drain.Validators.Add(result =>
        {
            if (
                result.Tokens is [{ Value: var text }]
                && !(int.TryParse(text, out var seconds) && seconds is >= 0 and <= 3600)
            )
                result.AddError($"--relay-drain is '{text}'; it must be 0 to 3600 seconds");
        });
        command.Validators.Add(Check);
    }

    /// <summary>Reads the options.</summary>
    /// <param name="isInCluster">Whether it runs in a pod of its cluster.</param>
    /// <param name="authority">The file of <c>--ca</c>, or null.</param>
    /// <returns>The options, or null where there is nothing to reach.</returns>
    public RelayTargetOptions? Read(ParseResult parsed, bool isOfNode, bool isInCluster, string? authority)
    {
        if (parsed.GetValue(_none))
            return null;
        KeyValuePair<string, string>[] standard =
            isOfNode ? [RelayTargetOptions.NodeDefaults]
            : isInCluster ? [RelayTargetOptions.ClusterDefaults]
            : [];
        var given = parsed.GetValue(_targets) is { Length: > 0 } texts ? [.. texts.Select(Split)] : standard;
        if (given.Length == 0 || !TargetRegistry.TryCreate(given, parsed.GetValue(_linkLocal), out var registry, out _))
            return null;
        return new RelayTargetOptions(registry, TimeSpan.FromSeconds(parsed.GetValue(_drain)))
        {
            CertificateAuthorityFile = authority,
        };
    }

    private void Check(CommandResult result)
    {
        if (result.GetValue(_targets) is not { Length: > 0 } texts)
            return;
        if (result.GetValue(_none))
            result.AddError("--no-relay and --relay-target don't go together");
        foreach (var text in texts.Where(text => !text.Contains('=', StringComparison.Ordinal)))
            result.AddError($"--relay-target is '{text}'; it must be NAME=HOST:PORT, such as ssh=127.0.0.1:22");
        if (
            !TargetRegistry.TryCreate(
                texts.Where(text => text.Contains('=', StringComparison.Ordinal)).Select(Split),
                result.GetValue(_linkLocal),
                out _,
                out var faults
            )
        )
        {
            foreach (var fault in faults)
                result.AddError($"--relay-target: {fault}");
        }
    }

    private static KeyValuePair<string, string> Split(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return new(text[..at], text[(at + 1)..]);
    }
}
