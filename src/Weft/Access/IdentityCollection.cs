using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Weft.Resources;

namespace Weft.Access;

/// <summary>
/// Principals, groups of them, and roles: what they are called, where they are kept, what their bodies hold
/// (docs/specs/identity.md).
/// </summary>
/// <param name="Noun">What a person calls one.</param>
/// <param name="Plural">The last part of the type, and of the path.</param>
/// <param name="Partition">The partition of their rows.</param>
/// <param name="NamePattern">What a name must match, to its end.</param>
internal sealed record IdentityCollection(string Noun, string Plural, string Partition, string NamePattern)
{
    /// <summary>The provider.</summary>
    public const string Namespace = "Weft.Identity";

    /// <summary>The member of a stored group that holds its members' names.</summary>
    public const string MembersName = "members";

    /// <summary>The most assignments of a principal or group, and rules of a role.</summary>
    public const int MaxEntries = 32;

    /// <summary>The most members of a group.</summary>
    public const int MaxMembers = 1024;

    private const string PersonPattern = "^[a-z0-9]([a-z0-9._@-]{0,62}[a-z0-9])?$";

    /// <summary>Who may call besides the administrator.</summary>
    public static readonly IdentityCollection Principals = new("principal", "principals", "principal", PersonPattern)
    {
        Shape = CreateShape(
            Assignments.Required().Range(1, MaxEntries),
            SchemaMember.Text("expiresAt", "when its token ends to be good, RFC 3339; left out, never"),
            SchemaMember.Text("tokenIssuedAt").ReadOnly(),
            SchemaMember.List("groups", SchemaMember.Text(""), "the groups that it is a member of").ReadOnly()
        ),
    };

    /// <summary>Groups, whose members have what the group is assigned.</summary>
    public static readonly IdentityCollection Groups = new("group", "groups", "principalgroup", PersonPattern)
    {
        Shape = CreateShape(
            Assignments.Required().Range(1, MaxEntries),
            SchemaMember.List(MembersName, SchemaMember.Text(""), "who is in it").ReadOnly()
        ),
    };

    /// <summary>Roles that somebody made, beside the built-in ones.</summary>
    public static readonly IdentityCollection Roles = new(
        "role",
        "roles",
        "role",
        "^[A-Za-z][A-Za-z0-9-]{0,62}[A-Za-z0-9]$"
    )
    {
        Shape = CreateShape(
            SchemaMember
                .List("rules", SchemaMember.Object("", Words("verbs"), Words("kinds")), "verbs on kinds; they add up")
                .Required()
                .Range(1, MaxEntries),
            SchemaMember.Text("roleType").ReadOnly()
        ),
    };

    /// <summary>All three.</summary>
    public static readonly ImmutableArray<IdentityCollection> All = [Principals, Groups, Roles];

    /// <summary>The body.</summary>
    public required Schema Shape { get; init; }

    /// <summary>The type they are shown as.</summary>
    public ResourceType Type => new(Namespace, Plural);

    private static SchemaMember Assignments =>
        SchemaMember.List(
            "assignments",
            SchemaMember.Object(
                "",
                SchemaMember.Text("role", "a built-in role, or one that was made").Required().Range(1, 64),
                SchemaMember.Text("scope", "/ for everything, or a resource id").Required().Range(1, 2048)
            ),
            "what it may, and where"
        );

    /// <summary>The path of one of them.</summary>
    public string PathOf(string name) => $"/providers/{Namespace}/{Plural}/{name}";

    /// <summary>The key of a row. Roles are found without regard to case; the names of the others are in lower case.</summary>
    public string KeyOf(string name) => $"{Partition}|{(this == Roles ? name.ToLowerInvariant() : name)}";

    /// <summary>Whether a name fits.</summary>
    public bool AllowsName(string name) =>
        WholeText.Matches(new Regex(NamePattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)), name);

    private static Schema CreateShape(params ImmutableArray<SchemaMember> properties) =>
        new([
            SchemaMember
                .Object("properties", [SchemaMember.Text("description").Range(0, 256), .. properties])
                .Required(),
        ]);

    private static SchemaMember Words(string name) =>
        SchemaMember.List(name, SchemaMember.Text("").Range(1, 128)).Required().Range(1, 64);
}
