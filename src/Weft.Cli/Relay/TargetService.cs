namespace Weft.Cli.Relay;

/// <summary>
/// A target and the service wanted there, as <c>stdio</c> takes them: <c>w1:22</c>,
/// <c>cluster/core-east:kubernetes</c>.
/// </summary>
/// <param name="Service">The service's name, which the agent's own configuration knows; null for the target's usual
/// one.</param>
internal sealed record TargetService(string Target, string? Service)
{
    /// <summary>A cluster's API server.</summary>
    public const string Kubernetes = "kubernetes";

    /// <summary>A node's or machine's SSH server.</summary>
    public const string Ssh = "ssh";

    /// <summary>Reads what somebody wrote.</summary>
    /// <param name="text">A target, and perhaps a colon and a service or one of the ports that stand for one.</param>
    /// <exception cref="CliError">A port stands for no service: agents are asked for names and never for
    /// ports.</exception>
    public static TargetService Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0)
            return new TargetService(text, null);
        var (target, service) = (text[..colon], text[(colon + 1)..]);
        if (target.Length == 0 || service.Length == 0)
            throw CliError.Usage($"'{text}' is no TARGET:SERVICE", "write w1:22 or w1:ssh");
        if (!service.All(char.IsAsciiDigit))
            return new TargetService(target, service);
        return service switch
        {
            "22" => new TargetService(target, Ssh),
            "443" or "6443" => new TargetService(target, Kubernetes),
            _ => throw CliError.Usage(
                $"port {service} stands for no service",
                "agents are asked for services by the names in their own configuration: write TARGET:NAME, such as w1:metrics"
            ),
        };
    }
}
