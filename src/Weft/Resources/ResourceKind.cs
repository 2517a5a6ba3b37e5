using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Weft.Resources;

/// <summary>
/// A kind of resource as a row: its body, its names, its rules, what a write of it brings with it, and what is computed
/// when it is read. The verbs are written once, for all kinds, over this (<see cref="ResourceVerbs"/>). All of it is
/// pure.
/// </summary>
internal abstract class ResourceKind
{
    /// <summary>
    /// The pattern of most names: 2 to 30 letters, digits, hyphens and underscores (NetworkCloud API).
    /// </summary>
    protected const string DefaultNamePattern = "^[a-zA-Z0-9][a-zA-Z0-9_-]{0,28}[a-zA-Z0-9]$";

    private Regex? _nameRegex;

    /// <summary>The type.</summary>
    public abstract ResourceType Type { get; }

    /// <summary>What a person calls it, such as <c>L3 network</c>.</summary>
    public abstract string Noun { get; }

    /// <summary>Its name in lists and labels, in lower case. Default: the last word of its type.</summary>
    public virtual string Plural => Type.Leaf.ToLowerInvariant();

    /// <summary>Its other names on the command line, such as <c>l3n</c>.</summary>
    public virtual ImmutableArray<string> ShortNames => [];

    /// <summary>The dates of the API that know it, oldest first.</summary>
    public abstract ImmutableArray<string> ApiVersions { get; }

    /// <summary>The date that clients speak where nobody names one. Default: the newest that is no preview.</summary>
    public virtual string PreferredVersion =>
        ApiVersions.Last(version => !version.EndsWith("-preview", StringComparison.Ordinal));

    /// <summary>The body.</summary>
    public abstract Schema Schema { get; }

    /// <summary>What a name must match.</summary>
    public virtual string NamePattern => DefaultNamePattern;

    /// <summary>The types it is an extension of; empty for one that stands in a group or under a parent.</summary>
    public virtual ImmutableArray<ResourceType> Extends => [];

    /// <summary>The type of its parent resource, or null for one that stands in a group or extends another.</summary>
    public ResourceType? ParentType =>
        Type.Path.LastIndexOf('/') is > 0 and var slash ? Type with { Path = Type.Path[..slash] } : null;

    /// <summary>The names of its actions, as a POST below it has them; each is a verb of roles.</summary>
    public virtual ImmutableArray<string> Actions => [];

    /// <summary>Whether PATCH reaches tags only and answers at once. Default: yes, as for networks.</summary>
    public virtual bool PatchIsTagsOnly => true;

    /// <summary>Whether only the server makes it (by enrolment, say): then PUT and PATCH are refused.</summary>
    public virtual bool IsCreatedByServer => false;

    /// <summary>Whether it can't be deleted by itself: it comes and goes with its parent. Default: no.</summary>
    public virtual bool IsPermanent => false;

    /// <summary>
    /// Whether a write of it is done with its commit: no agent's desired state holds anything of it, so there is nobody
    /// to wait for and no operation. What stands under such a kind is of such kinds. Default: no.
    /// </summary>
    public virtual bool IsSynchronous => false;

    /// <summary>
    /// Whether roles judge it as what it extends: it is a part of that, and who may change the one may change the other.
    /// Default: no.
    /// </summary>
    public virtual bool IsJudgedAsScope => false;

    /// <summary>Whether a name fits.</summary>
    /// <returns>True if it matches <see cref="NamePattern"/>.</returns>
    public bool AllowsName(string name) =>
        WholeText.Matches(
            _nameRegex ??= new Regex(NamePattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)),
            name
        );

    /// <summary>Fills in what follows from other resources, before the rules are asked.</summary>
    /// <param name="body">The normalised body, to be completed in place.</param>
    public virtual void ApplyDefaults(ResourceId id, JsonObject body, ReadTransaction transaction) { }

    /// <summary>The rules that a schema can't express: every finding, not the first.</summary>
    /// <param name="context">The write; findings go into it.</param>
    public virtual void Validate(ValidationContext context) { }

    /// <summary>What must be right after a resource is gone that its parent outlives.</summary>
    /// <param name="context">The removal, with the resource as it is; findings go into it.</param>
    public virtual void ValidateRemoval(ValidationContext context) { }

    /// <summary>
    /// What else the same commit writes: addresses taken or given back, children made. Called when nothing was found
    /// wrong.
    /// </summary>
    /// <param name="context">The write; a finding here refuses it still (no address left, say).</param>
    /// <param name="after">The state as it is with the write, to decide on.</param>
    public virtual IEnumerable<Mutation> SideEffects(ValidationContext context, StoreState after) => [];

    /// <summary>What the removal of a resource takes with it: leases given back, say.</summary>
    public virtual IEnumerable<Mutation> RemovalSideEffects(Row row, StoreState state) => [];

    /// <summary>
    /// What a resource stands on and names otherwise than by an id of its schema: who writes it must have the right to
    /// join that, too (docs/specs/identity.md, "Joining").
    /// </summary>
    public virtual IEnumerable<(string Path, ResourceId Id)> HostsOf(Row row) => [];

    /// <summary>Carries out an action (a POST below the resource).</summary>
    /// <param name="action">Its name, such as <c>updateAdministrativeState</c>.</param>
    /// <returns>The document as it is after the action, a refusal, or null where the kind has no such action.</returns>
    public virtual Outcome<JsonObject>? InvokeAction(
        string action,
        JsonObject arguments,
        Row row,
        ReadTransaction transaction
    ) => null;

    /// <summary>Who uses a resource without naming its id.</summary>
    public virtual IEnumerable<ResourceId> DependentsOf(Row row, ReadTransaction transaction) => [];

    /// <summary>
    /// Why a resource is deleted only for a caller who insists (<c>force=true</c>): something runs that goes on using what
    /// is given back with it.
    /// </summary>
    /// <returns>Null where nothing does.</returns>
    public virtual Refusal? FindRunningUsers(Row row, ReadTransaction transaction) => null;

    /// <summary>Computes the read-only members.</summary>
    /// <param name="properties">The properties as stored, to be completed in place.</param>
    public virtual void AddComputedFields(Row row, JsonObject properties, StoreState state) { }

    /// <summary>The id of a stored resource.</summary>
    public static ResourceId IdOf(Row row)
    {
        return row.Id!;
    }

    /// <summary>The <c>properties</c> of a stored resource.</summary>
    public static JsonElement PropertiesOf(Row row)
    {
        return row.Json.Member("properties");
    }

    /// <summary>The envelope of a tracked resource, and its properties.</summary>
    /// <param name="properties">The members of <c>properties</c>.</param>
    protected static Schema Tracked(bool extendedLocation, params ImmutableArray<SchemaMember> properties)
    {
        ImmutableArray<SchemaMember> members =
        [
            SchemaMember.Text("location", "the region the site is filed under").Required().Immutable().Range(1, 90),
            new SchemaMember("tags", MemberType.Map, "free labels; PATCH replaces all of them").Patchable(),
            SchemaMember.Any("identity").Patchable(),
            SchemaMember.Text("kind").Immutable(),
        ];
        if (extendedLocation)
        {
            members = members.Add(
                (
                    SchemaMember.Object(
                        "extendedLocation",
                        SchemaMember.Text("name", "the id of the cluster's custom location").Required(),
                        SchemaMember.Enum("type", "CustomLocation|EdgeZone").Required()
                    ) with
                    {
                        Description = "the cluster that hosts it",
                    }
                )
                    .Required()
                    .Immutable()
            );
        }

        return new Schema(
            members.Add(
                SchemaMember.Object("properties", properties) with
                {
                    IsRequired = properties.Any(p => p.IsRequired),
                }
            )
        );
    }

    /// <summary>
    /// The envelope of a proxy resource. It has no location and no tags, and lets both pass: Azure's generic client
    /// sends them with whatever it writes.
    /// </summary>
    /// <param name="properties">The members of <c>properties</c>.</param>
    protected static Schema Proxy(params ImmutableArray<SchemaMember> properties) =>
        new([
            SchemaMember.Text("location", "ignored: the resource is where its parent is").ReadOnly(),
            new SchemaMember("tags", MemberType.Map, "ignored: the resource has none").ReadOnly(),
            SchemaMember.Object("properties", properties) with
            {
                IsRequired = properties.Any(p => p.IsRequired),
            },
        ]);
}
