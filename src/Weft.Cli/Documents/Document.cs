using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Cli.Documents;

/// <summary>A resource that somebody declared.</summary>
/// <param name="Body">What PUT takes: without <c>id</c>, <c>name</c>, <c>type</c>, <c>parent</c> and
/// <c>apiVersion</c>.</param>
/// <param name="Path">The path of the resource in its file; empty where the document is the resource.</param>
internal sealed record Document(ResourceId Id, string ApiVersion, JsonObject Body, SourceMap SourceMap, string Path)
{
    /// <summary>Where the resource begins.</summary>
    public SourceLocation Location => SourceMap.LocationOf(Path);

    /// <summary>Whether it asks for the isolation domain to be enabled, which is a step of its own.</summary>
    public bool ShouldBeEnabled =>
        string.Equals(AdministrativeState?.ToString(), "Enabled", StringComparison.OrdinalIgnoreCase);

    private JsonNode? AdministrativeState =>
        Id.Type.Leaf.EndsWith("IsolationDomains", StringComparison.OrdinalIgnoreCase)
            ? (Body["properties"] as JsonObject)?["administrativeState"]
            : null;

    /// <summary>Where a member stands.</summary>
    /// <param name="target">Its path, such as <c>properties.vlan</c>; null for the resource.</param>
    public SourceLocation LocationOf(string? target) =>
        SourceMap.LocationOf(target is null ? Path : Documents.SourceMap.MemberPath(Path, target));

    /// <summary>What PUT sends: the body without what is a step of its own.</summary>
    public JsonObject ToPutBody()
    {
        var body = (JsonObject)Body.DeepClone();
        if (ShouldBeEnabled)
            ((JsonObject)body["properties"]!).Remove("administrativeState");
        return body;
    }

    /// <summary>What the plan is asked about: the whole declaration, and who it is.</summary>
    public JsonObject ToPlanRequest()
    {
        var question = new JsonObject { ["id"] = Id.ToString() };
        foreach (var (name, value) in Body)
            question[name] = value?.DeepClone();
        return question;
    }
}
