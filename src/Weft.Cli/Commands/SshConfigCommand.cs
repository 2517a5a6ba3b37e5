using System.CommandLine;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Cli.Primitives;
using Weft.Cli.Relay;
using Weft.Resources;

namespace Weft.Cli.Commands;

/// <summary>
/// <c>weft ssh-config</c>: entries for ssh_config(5), so that ssh, scp, sftp, rsync and git reach nodes by themselves.
/// </summary>
internal static class SshConfigCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli)
    {
        var nodes = new Argument<string[]>("NODE")
        {
            HelpName = "NODE",
            Description = "Nodes and machines",
            Arity = ArgumentArity.ZeroOrMore,
        };
        nodes.CompletionSources.Add(context => RelayParameters.CompleteHosts(cli, context));
        var all = new Option<bool>("--all")
        {
            Description = "All nodes and machines in the resource group, or in the subscription",
        };
        var file = new Option<string?>("--file", "-f")
        {
            Description = "Write to a file that ~/.ssh/config includes, and not to stdout; it is replaced whole",
            HelpName = "FILE",
        };
        var user = new Option<string?>("--user", "-l") { Description = "The user to log in as", HelpName = "USER" };
        var ca = RelayParameters.Ca();
        var command = new Command(
            "ssh-config",
            "Print entries for OpenSSH's configuration, for scp, rsync and all others that use ssh"
        )
        {
            nodes,
            all,
            file,
            user,
            ca,
        };
        cli.SetAction(
            command,
            async (session, cancel) =>
            {
                var names = session.Parsed.GetValue(nodes) ?? [];
                if (names.Length == 0 != session.Parsed.GetValue(all))
                    throw CliError.Usage("name nodes, or all with --all, and not both", "weft ssh-config --help");
                var ids =
                    names.Length == 0
                        ? await FindAllAsync(session, cancel)
                        : await FindNamedAsync(session, names, cancel);
                var hosts = ids.Select(id => SshHost.Create(session, id, session.Parsed.GetValue(ca))).ToList();
                Write(session, hosts, session.Parsed.GetValue(file), session.Parsed.GetValue(user));
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void Write(CommandSession session, List<SshHost> hosts, string? file, string? user)
    {
        var twice = hosts.GroupBy(host => host.Alias).Where(group => group.Count() > 1).ToList();
        if (twice.Count > 0)
            throw new CliError(
                "some have one name in several resource groups",
                [.. twice.SelectMany(group => group.Select(host => $"{host.Alias}: {host.Target}"))],
                "name one resource group with -g GROUP"
            );
        var text =
            "# Written by weft ssh-config; what is changed here is lost when it writes again.\n"
            + string.Concat(hosts.Select(host => "\n" + host.ToConfig(user)));
        if (file is null)
        {
            session.Out.Writer.Write(text);
            return;
        }

        PrivateFile.Write(file, text);
        session.Error.WriteLine(
            $"{hosts.Count} hosts in {file}; where ~/.ssh/config doesn't include it yet, "
                + $"write as its first line: Include {Path.GetFullPath(file)}",
            TextStyle.Faint
        );
    }

    private static async Task<List<ResourceId>> FindAllAsync(CommandSession session, CancellationToken cancel)
    {
        var lookup = new ResourceLookup(session);
        var found = new List<ResourceId>();
        foreach (var kind in new[] { KindTable.Nodes, KindTable.VirtualMachines })
            found.AddRange(
                (await lookup.ListAsync(kind, null, allGroups: false, cancel))
                    .Select(resource => new ResourceRow(resource, default).Id)
                    .OfType<ResourceId>()
            );
        return found;
    }

    private static async Task<List<ResourceId>> FindNamedAsync(
        CommandSession session,
        string[] names,
        CancellationToken cancel
    )
    {
        var found = new List<ResourceId>();
        foreach (var name in names)
            found.Add(await RelayTarget.ResolveAsync(session, name, cancel));
        return [.. found.Distinct()];
    }
}
