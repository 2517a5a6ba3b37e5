using System.Text.Json.Nodes;
using Weft.Cli.Kinds;
using Weft.Resources;

namespace Weft.Cli.Arm;

/// <summary>Lists and finds resources, children across all parents included.</summary>
internal sealed class ResourceLookup(CommandSession session)
{
    private const int MaxConcurrency = 8;

    /// <summary>All of a kind.</summary>
    /// <param name="parent">The parent's name, or null for all parents.</param>
    public async Task<List<JsonObject>> ListAsync(Kind kind, string? parent, bool allGroups, CancellationToken cancel)
    {
        if (kind.Parent is not { } above)
            return await ListScopeAsync(
                kind,
                kind.IsGroup ? session.Scope.Subscription : session.Scope.ListScope(allGroups),
                cancel
            );
        if (parent is not null)
            return await ListScopeAsync(kind, session.Scope.ResolveId(above, parent), cancel);
        var parents = await ListAsync(above, null, allGroups, cancel);
        var found = new List<JsonObject>();
        foreach (
            var chunk in parents
                .Select(resource => new ResourceRow(resource, default).Id)
                .OfType<ResourceId>()
                .Chunk(MaxConcurrency)
        )
        {
            foreach (var page in await Task.WhenAll(chunk.Select(id => ListScopeAsync(kind, id, cancel))))
                found.AddRange(page);
        }

        return found;
    }

    /// <summary>Those with names.</summary>
    /// <param name="parent">The parent's name, or null.</param>
    /// <returns>The resources, and the names that nothing has.</returns>
    public async Task<(List<JsonObject> Found, List<string> Missing)> FindAsync(
        Kind kind,
        IReadOnlyList<string> names,
        string? parent,
        bool allGroups,
        CancellationToken cancel
    )
    {
        var found = new List<JsonObject>();
        var missing = new List<string>();
        List<JsonObject>? all = null;
        foreach (var name in names)
        {
            List<JsonObject> hits;
            if (MatchesAnyParent(kind, name, parent, allGroups))
            {
                all ??= await ListAsync(kind, null, allGroups, cancel);
                hits =
                [
                    .. all.Where(resource =>
                        string.Equals(
                            new ResourceRow(resource, default).Id?.Name,
                            name,
                            StringComparison.OrdinalIgnoreCase
                        )
                    ),
                ];
            }
            else
            {
                var id = session.Scope.ResolveId(kind, name, parent);
                hits = await session.Client.FindAsync($"{id}?api-version={kind.ApiVersion}", cancel) is { } response
                    ? [response.Object]
                    : [];
            }

            found.AddRange(hits);
            if (hits.Count == 0)
                missing.Add(name);
        }

        return (found, missing);
    }

    // A name that doesn't say where it is means every resource that bears it.
    private bool MatchesAnyParent(Kind kind, string name, string? parent, bool allGroups)
    {
        if (name.Contains('/', StringComparison.Ordinal) || kind.IsGroup)
            return false;
        return kind.Parent is not null ? parent is null : allGroups || session.Settings.ResourceGroup is null;
    }

    private Task<List<JsonObject>> ListScopeAsync(Kind kind, ResourceId scope, CancellationToken cancel) =>
        session.Client.ListAsync($"{kind.ListPath(scope)}?api-version={kind.ApiVersion}", cancel);
}
