using System.CommandLine;
using Weft.Cli.Kinds;

namespace Weft.Cli.Commands;

/// <summary><c>--cluster</c>, <c>--domain</c> and <c>--network</c>: the parent of children.</summary>
internal sealed class ParentOptions
{
    private readonly List<(string Name, Option<string?> Option)> _options = [];

    /// <summary>Adds the options to a command.</summary>
    public ParentOptions(CommandContext cli, Command command)
    {
        foreach (var group in KindTable.All.Where(kind => kind.Parent is not null).GroupBy(kind => kind.ParentOption!))
        {
            var children = string.Join(", ", group.Select(kind => kind.Plural));
            var option = Parameters.Reference(
                cli,
                $"--{group.Key}",
                group.First().Parent!,
                $"The {group.First().Parent!.Singular} of {children}"
            );
            _options.Add((group.Key, option));
            command.Options.Add(option);
        }
    }

    /// <summary>The parent that was named.</summary>
    /// <returns>A name, or null.</returns>
    /// <exception cref="CliError">An option is given that says nothing of this kind.</exception>
    public string? ParentOf(ParseResult parsed, Kind kind)
    {
        string? parent = null;
        foreach (var (name, option) in _options)
        {
            if (parsed.GetValue(option) is not { } value)
                continue;
            if (name != kind.ParentOption)
                throw CliError.Usage(
                    $"--{name} says nothing of {kind.Plural}",
                    kind.ParentOption is { } own ? $"use --{own}" : null
                );
            parent = value;
        }

        return parent;
    }
}
