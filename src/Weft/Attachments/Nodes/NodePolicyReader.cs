using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Resources;

namespace Weft.Attachments.Nodes;

/// <summary>Reads a node's policy: what it doesn't know is a fault, because a word that is left out protects nothing.</summary>
internal static class NodePolicyReader
{
    private const int MaxElements = 1000;

    private static readonly Schema Shape = new([
        Lists("interfaces", "^[A-Za-z0-9._@+*-]{1,64}$"),
        Lists("prefixes"),
        Lists("routes"),
        SchemaMember.Object("vlans", SchemaMember.Text("allow"), SchemaMember.Text("deny")),
        Lists("devices", "^[0-9a-f:.*]{1,64}$"),
        Lists("modules", "^[A-Za-z0-9_*-]{1,64}$"),
        SchemaMember.Object(
            "management",
            SchemaMember.Boolean("protect", standard: true),
            ListOf("interfaces", "^[A-Za-z0-9._@+*-]{1,64}$"),
            ListOf("prefixes"),
            ListOf("mayOverlap"),
            SchemaMember.Boolean("mayWiden", standard: false)
        ),
    ]);

    /// <summary>Reads the text of a policy, JSON.</summary>
    /// <returns>The policy, or every fault of it.</returns>
    public static Outcome<NodePolicy> Read(ReadOnlyMemory<byte> text)
    {
        if (!Json.ParseObject(text).TryGet(out var body, out var refusal))
            return refusal;
        var findings = new List<Refusal>();
        FindIgnored(body, "", findings);
        // What is of another type is left out of it, and told: what else is wrong is told beside it.
        var policy = Read(Shape.Normalise(body, default, findings), findings);
        return findings.Count > 0 ? Refusal.Combine(findings, null) : policy;
    }

    /// <summary>
    /// What a schema lets pass: members that every resource has and a policy has not, and null, which would be taken for
    /// a member that nobody has written.
    /// </summary>
    private static void FindIgnored(JsonObject body, string path, List<Refusal> findings)
    {
        foreach (var (name, value) in body)
        {
            var at = path.Length == 0 ? name : $"{path}.{name}";
            if (path.Length == 0 && Schema.IsEnvelope(name))
                findings.Add(SchemaFindings.UnknownMember(name, at, Shape.Members));
            else if (value is null)
                findings.Add(new Refusal(RefusalCode.InvalidMember, $"'{at}' is null; leave it out, or say what", at));
            else if (value is JsonObject inner)
                FindIgnored(inner, at, findings);
        }
    }

    private static NodePolicy Read(JsonObject body, List<Refusal> findings)
    {
        var management = body["management"] as JsonObject ?? [];
        return new NodePolicy
        {
            Interfaces = ReadNames(body, "interfaces"),
            Prefixes = ReadPrefixes(body, "prefixes", findings),
            Routes = ReadPrefixes(body, "routes", findings),
            Vlans = ReadVlans(body["vlans"] as JsonObject ?? [], findings),
            Devices = ReadNames(body, "devices"),
            Modules = ReadNames(body, "modules"),
            Management = new ManagementPolicy
            {
                IsProtected = Flag(management, "protect") ?? true,
                Interfaces = Texts(management, "interfaces") ?? [],
                Prefixes = ReadPrefixes(management, "prefixes", "management.prefixes", findings) ?? [],
                MayOverlap = ReadPrefixes(management, "mayOverlap", "management.mayOverlap", findings) ?? [],
                MayWiden = Flag(management, "mayWiden") ?? false,
            },
        };
    }

    private static NamePolicy ReadNames(JsonObject body, string member)
    {
        var lists = body[member] as JsonObject ?? [];
        return new NamePolicy(member, Texts(lists, "allow"), Texts(lists, "deny") ?? []);
    }

    private static PrefixPolicy ReadPrefixes(JsonObject body, string member, List<Refusal> findings)
    {
        var lists = body[member] as JsonObject ?? [];
        return new PrefixPolicy(
            member,
            ReadPrefixes(lists, "allow", $"{member}.allow", findings),
            ReadPrefixes(lists, "deny", $"{member}.deny", findings) ?? []
        );
    }

    private static ImmutableArray<Prefix>? ReadPrefixes(
        JsonObject holder,
        string member,
        string path,
        List<Refusal> findings
    )
    {
        if (Texts(holder, member) is not { } texts)
            return null;
        var prefixes = ImmutableArray.CreateBuilder<Prefix>();
        for (var i = 0; i < texts.Length; i++)
        {
            if (Prefix.Parse(texts[i], $"{path}[{i}]").TryGet(out var prefix, out var refusal))
                prefixes.Add(prefix);
            else
                findings.Add(refusal with { Message = $"{path}[{i}]: {refusal.Message}" });
        }

        return prefixes.ToImmutable();
    }

    private static VlanPolicy ReadVlans(JsonObject lists, List<Refusal> findings)
    {
        return new VlanPolicy(ReadSet("allow"), ReadSet("deny") ?? VlanSet.Empty);

        VlanSet? ReadSet(string member)
        {
            if (TextOf(lists[member]) is not { } text)
                return null;
            // Empty for none: "allow" then refuses all.
            if (text.Length == 0)
                return VlanSet.Empty;
            var path = $"vlans.{member}";
            if (VlanSet.Parse(text, path).TryGet(out var vlans, out var refusal))
                return vlans;
            findings.Add(refusal with { Message = $"{path}: {refusal.Message}" });
            return VlanSet.Empty;
        }
    }

    private static ImmutableArray<string>? Texts(JsonObject holder, string member) =>
        holder[member] is JsonArray list ? [.. list.Select(TextOf).OfType<string>()] : null;

    private static string? TextOf(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool? Flag(JsonObject holder, string member) =>
        holder[member] is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    private static SchemaMember Lists(string name, string? pattern = null) =>
        SchemaMember.Object(name, ListOf("allow", pattern), ListOf("deny", pattern));

    private static SchemaMember ListOf(string name, string? pattern = null)
    {
        var element = SchemaMember.Text("element");
        return SchemaMember.List(name, pattern is null ? element : element.Pattern(pattern)).Range(null, MaxElements);
    }
}
