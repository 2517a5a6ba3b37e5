using System.CommandLine.Completions;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;

namespace Weft.Cli.Commands;

/// <summary>Names of resources for a shell's completion: soon, or not at all.</summary>
internal static class NameCompletion
{
    // A person who pressed Tab waits no longer than this.
    private static readonly TimeSpan Timeout = TimeSpan.FromMilliseconds(800);

    /// <summary>The names of a kind that the server knows.</summary>
    /// <param name="kindName">The kind; none completes nothing.</param>
    public static IEnumerable<CompletionItem> Complete(CommandContext cli, CompletionContext context, string? kindName)
    {
        if (kindName is null || KindTable.Find(kindName) is not { } kind)
            return [];
        try
        {
            using var session = cli.OpenSession(context.ParseResult);
            using var patience = new CancellationTokenSource(Timeout);
            return
            [
                .. ListNamesAsync(session, kind, patience.Token)
                    .GetAwaiter()
                    .GetResult()
                    .Select(name => new CompletionItem(name)),
            ];
        }
        catch (Exception e) when (e is CliError or ArmException or OperationCanceledException)
        {
            // A shell that completes has no place for an error; the command itself will say it.
            return [];
        }
    }

    private static async Task<IReadOnlyList<string>> ListNamesAsync(
        CommandSession session,
        Kind kind,
        CancellationToken cancel
    )
    {
        var resources = await new ResourceLookup(session).ListAsync(kind, null, false, cancel);
        return
        [
            .. resources
                .Select(resource => new ResourceRow(resource, default).Id)
                .OfType<Resources.ResourceId>()
                .Select(Label.Path)
                .Order(StringComparer.Ordinal),
        ];
    }
}
