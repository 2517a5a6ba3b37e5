using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>The kind of authorization rules: who knows a key of it may listen, send, or both. Once for namespaces, once for hybrid connections.</summary>
public sealed class RelayAuthorizationRule(ResourceType scope) : ResourceKind
{
    /// <summary>The most rules of a scope: Azure's quota.</summary>
    public const int MostOfAScope = 12;

    /// <summary>The type of a namespace's rules.</summary>
    public static readonly ResourceType OfNamespace = RelayNamespace.ResourceType with { Path = $"{RelayNamespace.ResourceType.Path}/authorizationRules" };

    /// <summary>The type of a hybrid connection's rules.</summary>
    public static readonly ResourceType OfConnection = HybridConnection.ResourceType with { Path = $"{HybridConnection.ResourceType.Path}/authorizationRules" };

    /// <inheritdoc/>
    public override ResourceType Type { get; } = scope with { Path = $"{scope.Path}/authorizationRules" };

    /// <inheritdoc/>
    public override string Noun => "authorization rule";

    /// <inheritdoc/>
    public override ImmutableArray<string> ApiVersions => RelayVersions.All;

    /// <inheritdoc/>
    public override string NamePattern => "^[A-Za-z0-9]([A-Za-z0-9._-]{0,48}[A-Za-z0-9])?$";

    /// <inheritdoc/>
    public override bool EndsAtOnce => true;

    /// <inheritdoc/>
    public override Shape Shape { get; } = Proxy(
        Member.List("rights", Member.Choice("", "Listen|Send|Manage"), "what its keys are good for; Manage goes with both others").Demanded().Within(1, 3),
        Member.Text("provisioningState").Drawn());

    /// <summary>Whether a type is one of authorization rules.</summary>
    public static bool Is(ResourceType type) => type == OfNamespace || type == OfConnection;

    /// <inheritdoc/>
    public override void Check(Proposal proposal)
    {
        const string Path = "properties.rights";
        var rights = PropertiesOf(proposal.Wanted).Texts("rights").ToList();
        if (rights.Distinct().Count() < rights.Count)
            proposal.Find(RefusalCode.InvalidMember, Path, $"'{Path}': a right is named twice");
        if (rights.Contains("Manage") && rights.Distinct().Count() < 3)
            proposal.Find(RefusalCode.InvalidMember, Path, $"'{Path}': Manage goes with Listen and Send; write all three");
        if (proposal.Old is null && proposal.Seen.List(Type, proposal.Id.Parent).Count() >= MostOfAScope)
            proposal.Find(RefusalCode.Conflict, "name", $"{proposal.Id.Parent!.Name} has {MostOfAScope} authorization rules already, and these are the most", proposal.Id.Parent);
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> Consequences(Proposal proposal, Image after)
    {
        return proposal.Old is null ? RelayKeys.Made(proposal.Id, proposal.Request) : [];
    }

    /// <inheritdoc/>
    public override IEnumerable<Change> RemovedWith(Stored row, Image now) => [Change.Remove(RelayKeys.KeyOf(IdOf(row)))];

    /// <inheritdoc/>
    public override void Draw(Stored row, JsonObject properties, Image now)
    {
    }
}
