using System.Text.Json.Nodes;

namespace Weft.Cli.Relay;

/// <summary>
/// What stands in a kubeconfig for a proxy: a cluster, a context, and perhaps a user, all under one name.
/// </summary>
/// <param name="Cluster">Where the API server is and how it is known.</param>
/// <param name="User">As whom; null where the user is another entry's.</param>
/// <param name="UserName">The user's name; null where nobody is named.</param>
/// <param name="Owner">Who may take the entry out again: a proxy that took the entry's place is another owner.</param>
internal sealed record KubeconfigEntry(
    string Name,
    JsonObject Cluster,
    JsonObject? User,
    string? UserName,
    string Owner
)
{
    /// <summary>The id that the entry leads to, for those who read the file.</summary>
    public required string Target { get; init; }

    /// <summary>The namespace of the context; null for none.</summary>
    public string? Namespace { get; init; }

    // The place that kubectl keeps for tools' own notes: it reads and writes extensions whole.
    private const string ExtensionName = "weft";

    private static readonly string[] Lists = ["contexts", "clusters", "users"];

    /// <summary>The entry with the cluster's CA certificates in it.</summary>
    public KubeconfigEntry WithAuthority(string authority)
    {
        var cluster = (JsonObject)Cluster.DeepClone();
        cluster["certificate-authority-data"] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(authority));
        return this with { Cluster = cluster };
    }

    /// <summary>Writes the entry into a kubeconfig.</summary>
    /// <param name="makesCurrent">Whether its context becomes the current one.</param>
    /// <exception cref="CliError">Something there has the name, and isn't a proxy's.</exception>
    public KubeconfigText AddTo(KubeconfigText text, bool makesCurrent)
    {
        RejectForeign(text);
        // One of this name that was left behind is out of the line of those who give back to each other before this one
        // joins it at its end.
        text = Unlink(text, Name);
        var previous = makesCurrent ? text.CurrentContext : null;
        var changed = text.With("clusters", new JsonObject { ["cluster"] = Cluster.DeepClone(), ["name"] = Name });
        changed = User is null
            ? changed.Without("users", Name)
            : changed.With("users", new JsonObject { ["name"] = Name, ["user"] = User.DeepClone() });
        changed = changed.With("contexts", new JsonObject { ["context"] = ToContext(previous), ["name"] = Name });
        return makesCurrent ? changed.WithCurrentContext(Name) : changed;
    }

    /// <summary>Takes an entry out, and gives the current context back to who had it.</summary>
    /// <returns>The changed kubeconfig; the same where the entry is another's by now.</returns>
    public static KubeconfigText RemoveFrom(KubeconfigText text, string name, string owner)
    {
        if (ExtensionOf(text.Find("contexts", name))?["owner"]?.ToString() != owner)
            return text;
        return Lists.Aggregate(Unlink(text, name), (changed, list) => changed.Without(list, name));
    }

    /// <summary>
    /// Whether nothing of the entry is there any more. One whose context alone is gone was taken out by somebody who meant it.
    /// </summary>
    public bool IsLostFrom(KubeconfigText text) =>
        text.Find("contexts", Name) is null && text.Find("clusters", Name) is null;

    /// <summary>Whether any proxy's entry is in a kubeconfig.</summary>
    public static bool IsIn(KubeconfigText text) =>
        text.Entries("contexts").Any(context => ExtensionOf(context) is not null);

    private static JsonObject? ExtensionOf(JsonObject? context) =>
        ((context?["context"] as JsonObject)?["extensions"] as JsonArray ?? [])
            .OfType<JsonObject>()
            .FirstOrDefault(extension => extension["name"]?.ToString() == ExtensionName)
            ?["extension"] as JsonObject;

    private JsonObject ToContext(string? previous)
    {
        var note = new JsonObject { ["owner"] = Owner, ["target"] = Target };
        if (previous is not null)
            note["previous"] = previous;
        var context = new JsonObject
        {
            ["cluster"] = Name,
            ["extensions"] = new JsonArray(new JsonObject { ["extension"] = note, ["name"] = ExtensionName }),
        };
        if (Namespace is not null)
            context["namespace"] = Namespace;
        context["user"] = UserName ?? "";
        return context;
    }

    /// <summary>
    /// Gives back what an entry has taken: those who would give back to it give back to whom it would have, and so does
    /// the current context.
    /// </summary>
    private static KubeconfigText Unlink(KubeconfigText text, string name)
    {
        if (ExtensionOf(text.Find("contexts", name)) is not { } note)
            return text;
        var previous = note["previous"]?.ToString();
        var changed = text;
        foreach (
            var context in text.Entries("contexts")
                .Where(context => ExtensionOf(context)?["previous"]?.ToString() == name)
        )
        {
            var relinked = (JsonObject)context.DeepClone();
            ExtensionOf(relinked)!["previous"] = previous;
            changed = changed.With("contexts", relinked);
        }

        return changed.CurrentContext == name
            ? changed.WithCurrentContext(
                previous is not null && changed.Find("contexts", previous) is not null ? previous : null
            )
            : changed;
    }

    private void RejectForeign(KubeconfigText text)
    {
        if (ExtensionOf(text.Find("contexts", Name)) is not null)
            return;
        var taken = Lists.Where(list => text.Find(list, Name) is not null).ToList();
        if (taken.Count > 0)
            throw new CliError(
                $"'{Name}' is in {string.Join(" and ", taken)} of {text.File} already, and weft didn't write it",
                next: "choose another name with --kube-context NAME"
            );
    }
}
