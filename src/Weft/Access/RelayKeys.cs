using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// The two keys of an authorization rule. They are rows of their own beside the resources, so that no body, plan or
/// list can show them.
/// </summary>
/// <param name="Primary">One key: its UTF-8 bytes are the HMAC key.</param>
/// <param name="Secondary">The other, so that keys can be changed one after the other.</param>
internal sealed record RelayKeys(string Primary, string Secondary)
{
    /// <summary>The partition of keys.</summary>
    public const string Partition = "relaykeys";

    /// <summary>The fewest characters of a key that somebody brings along: those of 192 bits in base64.</summary>
    public const int MinLength = 32;

    /// <summary>The most characters of a key: what Azure's clients take.</summary>
    public const int MaxLength = 256;

    /// <summary>The key of the row that holds a rule's keys.</summary>
    public static string KeyOf(ResourceId rule)
    {
        return $"{Partition}|{rule.Key}";
    }

    /// <summary>The keys of a rule.</summary>
    /// <returns>The keys, or null where there are none.</returns>
    public static RelayKeys? Find(StoreState state, ResourceId rule)
    {
        return state.Get(KeyOf(rule)) is { } row
            ? new RelayKeys(row.Json.Text("primary")!, row.Json.Text("secondary")!)
            : null;
    }

    /// <summary>The change that writes the keys of a rule.</summary>
    public Mutation ToMutation(ResourceId rule) =>
        Mutation.Put(KeyOf(rule), new JsonObject { ["primary"] = Primary, ["secondary"] = Secondary });

    /// <summary>The keys with one of them made anew.</summary>
    /// <param name="arguments">The action's body: <c>keyType</c>, and perhaps <c>key</c>.</param>
    /// <param name="drawn">The key to take where the caller brings none.</param>
    public Outcome<RelayKeys> Regenerate(JsonObject arguments, string drawn)
    {
        var findings = new List<Refusal>();
        var body = ArgumentSchema.Normalise(arguments, default, findings);
        if (findings.Count > 0)
            return Refusal.Combine(findings, null);
        var key = body["key"]?.ToString() ?? drawn;
        return body["keyType"]!.ToString() == "PrimaryKey"
            ? this with
            {
                Primary = key,
            }
            : this with
            {
                Secondary = key,
            };
    }

    /// <summary>Hides the keys.</summary>
    public override string ToString() => "keys";

    /// <summary>The keys of a new rule; none where no key was generated, as for a plan.</summary>
    internal static IEnumerable<Mutation> CreateFor(ResourceId rule, WriteRequest? request) =>
        request is { RandomKeys: [var primary, var secondary, ..] }
            ? [new RelayKeys(primary, secondary).ToMutation(rule)]
            : [];

    private static readonly Schema ArgumentSchema = new([
        SchemaMember.Enum("keyType", "PrimaryKey|SecondaryKey").Required(),
        SchemaMember.Text("key").Pattern("^[!-~]+$").Range(MinLength, MaxLength) with
        {
            Mutability = Mutability.Secret,
        },
    ]);
}
