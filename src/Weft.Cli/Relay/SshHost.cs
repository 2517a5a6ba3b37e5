using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Relay;

/// <summary>A node or machine as OpenSSH is told of it.</summary>
/// <param name="Alias">Its name on command lines and in patterns: <c>w1.core-east.weft</c>, <c>probe1.weft</c>. No real
/// name ends so.</param>
/// <param name="KeyAlias">The name its host key is kept under: the same wherever and through whichever server it is
/// reached.</param>
/// <param name="ProxyCommand">What connects to it, quoted for a shell and for ssh's own percent signs.</param>
internal sealed record SshHost(ResourceId Target, string Alias, string KeyAlias, string ProxyCommand)
{
    private const string AliasSuffix = "weft";

    /// <summary>Describes a node or machine.</summary>
    /// <param name="session">The session, whose server the command is to speak to.</param>
    /// <param name="relayCa">CA certificates of the relay, or null.</param>
    /// <exception cref="CliError">It is something that has no SSH server.</exception>
    public static SshHost Create(CommandSession session, ResourceId id, string? relayCa)
    {
        var isNode = id.Type == KindTable.Nodes.Type;
        if (!isNode && id.Type != KindTable.VirtualMachines.Type)
            throw CliError.Usage($"{Label.For(id)} has no SSH server", "name a node or a virtual machine");
        var name = (isNode ? $"{id.Name}.{id.Parent!.Name}" : id.Name).ToLowerInvariant();
        IEnumerable<string> command =
        [
            session.Environment.Program,
            "stdio",
            .. session.ConnectionArguments,
            .. relayCa is null ? [] : new[] { "--relay-ca", Path.GetFullPath(relayCa) },
            $"{id}:{TargetService.Ssh}",
        ];
        return new SshHost(
            id,
            $"{name}.{AliasSuffix}",
            $"{name}.{id.ResourceGroup}.{id.Subscription}.{AliasSuffix}".ToLowerInvariant(),
            string.Join(' ', command.Select(Quote)).Replace("%", "%%", StringComparison.Ordinal)
        );
    }

    /// <summary>The host as an entry of ssh_config(5).</summary>
    /// <param name="user">The user to log in as, or null.</param>
    public string ToConfig(string? user) =>
        $"""
            Host {Alias}
              HostKeyAlias {KeyAlias}
              ProxyCommand {ProxyCommand}
            {(user is null ? "" : $"  User {user}\n")}
            """.ReplaceLineEndings("\n");

    private static string Quote(string word) =>
        word.All(c => char.IsAsciiLetterOrDigit(c) || "/-_.:=@+,".Contains(c, StringComparison.Ordinal))
        && word.Length > 0
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
