using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Networks;

/// <summary>
/// Addresses that are in use already, as somebody lists them: they become reservations of a network's pool, all or none.
/// </summary>
/// <param name="Entries">What is in use, each with a name or none, and for whom.</param>
/// <param name="IsDryRun">Whether only the answer is wanted.</param>
/// <remarks>Source: docs/specs/addressing.md, "Import".</remarks>
internal sealed record PoolImport(ImmutableArray<JsonElement> Entries, bool IsDryRun)
{
    /// <summary>The action's name.</summary>
    public const string ActionName = "import";

    /// <summary>The reservation of addresses of which nobody says what they are.</summary>
    public const string Nameless = "imported";

    private const int MaxEntries = 100_000;

    private static readonly Schema Body = new([
        SchemaMember.Boolean("dryRun", false, "answer what would become of it, and write nothing"),
        SchemaMember
            .List(
                "entries",
                SchemaMember.Object(
                    "",
                    SchemaMember.Text("address", "an address, two with a hyphen between, or a prefix").Required(),
                    SchemaMember.Text("name", "the reservation's name; what has the same is one reservation"),
                    SchemaMember.Id("for", "the machine, the node, or the pod's cluster"),
                    SchemaMember.Text("pod", "the cluster's pod, as NAMESPACE/NAME")
                )
            )
            .Required()
            .Range(1, MaxEntries),
    ]);

    /// <summary>Reads the action's body.</summary>
    /// <returns>The import, or a refusal with every finding.</returns>
    public static Outcome<PoolImport> Read(JsonObject body)
    {
        var findings = new List<Refusal>();
        var read = Body.Normalise(body, default, findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, ActionName);
        var json = JsonElement.Parse(Json.ToUtf8(read));
        return new PoolImport([.. json.Elements("entries")], json.Member("dryRun").ValueKind == JsonValueKind.True);
    }

    /// <summary>The pool with the entries in it; what it has already is let be.</summary>
    /// <param name="pool">The pool as it is, or null where none is declared.</param>
    public MergedPool MergeInto(Row? pool)
    {
        var body = pool is null ? [] : StoredDocument.CallerFields(pool);
        if (body["properties"] is not JsonObject properties)
            body["properties"] = properties = [];
        if (properties["reservations"] is not JsonArray reservations)
            properties["reservations"] = reservations = [];
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var targets = new Dictionary<(string Name, string? For, string? Pod), Target>();
        foreach (var (reservation, i) in reservations.OfType<JsonObject>().Select((r, i) => (r, i)))
            targets.TryAdd(
                KeyOf(JsonElement.Parse(Json.ToUtf8(reservation))),
                new Target(reservation["addresses"]!.AsArray(), i)
            );
        foreach (var (entry, i) in Entries.Select((entry, i) => (entry, i)))
        {
            var key = KeyOf(entry);
            if (!targets.TryGetValue(key, out var target))
            {
                targets[key] = target = new Target([], reservations.Count);
                reservations.Add((JsonNode)Create(entry, key.Name, target.Addresses));
                places[target.Path] = i;
            }

            // Twice in what is imported is a mistake; there already is the second time of the same import.
            var address = entry.Text("address")!;
            if (target.Before.Contains(address))
                continue;
            places[$"{target.Path}.addresses[{Number(target.Addresses.Count)}]"] = i;
            target.Addresses.Add((JsonNode)JsonValue.Create(address));
        }

        return new MergedPool(body, places.ToImmutableDictionary(StringComparer.Ordinal));
    }

    private static JsonObject Create(JsonElement entry, string name, JsonArray addresses)
    {
        var reservation = new JsonObject { ["name"] = name, ["addresses"] = addresses };
        foreach (var member in (string[])["for", "pod"])
        {
            if (entry.Text(member) is { } value)
                reservation[member] = value;
        }

        return reservation;
    }

    private static (string Name, string? For, string? Pod) KeyOf(JsonElement entry) =>
        (entry.Text("name") ?? Nameless, entry.Id("for")?.Key, entry.Text("pod"));

    private static string Number(int i) => i.ToString(CultureInfo.InvariantCulture);

    /// <summary>A reservation that entries go to.</summary>
    private sealed record Target(JsonArray Addresses, int Index)
    {
        public HashSet<string> Before { get; } = [.. Addresses.Select(address => address!.ToString())];

        public string Path => $"properties.reservations[{Number(Index)}]";
    }
}

/// <summary>A pool with what was imported in it.</summary>
/// <param name="Body">The pool, to be written.</param>
/// <param name="Places">Which entry stands where in it, by the path of the member.</param>
internal sealed record MergedPool(JsonObject Body, ImmutableDictionary<string, int> Places)
{
    /// <summary>A refusal of the pool, with the entries in the place of members that came of them.</summary>
    public Refusal Locate(Refusal refusal)
    {
        if (!refusal.Details.IsDefaultOrEmpty)
            return Refusal.Combine([.. refusal.Details.Select(Locate)], refusal.Target);
        if (FindEntry(refusal.Target) is not { } entry)
            return refusal;
        return refusal with
        {
            Target = NameOf(entry),
            Message = LocateOther(
                refusal.Message.Replace($"'{refusal.Target}'", $"'{NameOf(entry)}'", StringComparison.Ordinal)
            ),
        };
    }

    /// <summary>A message that ends with the place of something else that was imported, with its entry.</summary>
    private string LocateOther(string message)
    {
        var from = message.LastIndexOf(PoolPlacement.InPlace, StringComparison.Ordinal) + PoolPlacement.InPlace.Length;
        return from >= PoolPlacement.InPlace.Length && Places.TryGetValue(message[from..], out var other)
            ? $"{message[..from]}{NameOf(other)}"
            : message;
    }

    private static string NameOf(int entry) => string.Create(CultureInfo.InvariantCulture, $"entries[{entry}]");

    private int? FindEntry(string? target)
    {
        for (var path = target; path is not null; path = Above(path))
        {
            if (Places.TryGetValue(path, out var entry))
                return entry;
        }

        return null;
    }

    private static string? Above(string path) =>
        path.LastIndexOfAny(['.', '[']) is > 0 and var end ? path[..end] : null;
}
