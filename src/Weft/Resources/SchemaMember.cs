using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Weft.Resources;

/// <summary>What a member of a body holds.</summary>
internal enum MemberType
{
    /// <summary>A string.</summary>
    Text,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>The string <c>True</c> or <c>False</c>: the fabric's and the cloud's APIs have no booleans.</summary>
    BooleanString,

    /// <summary>JSON's <c>true</c> or <c>false</c>, as Microsoft.Relay has it.</summary>
    Boolean,

    /// <summary>
    /// One of a closed list of strings; compared without regard to case, kept in the list's spelling.
    /// </summary>
    Enum,

    /// <summary>A resource id; with <see cref="SchemaMember.RefersTo"/>, one that must exist.</summary>
    Id,

    /// <summary>A list of <see cref="SchemaMember.Element"/>.</summary>
    List,

    /// <summary>An object of <see cref="SchemaMember.Members"/>.</summary>
    Object,

    /// <summary>A map from string to string.</summary>
    Map,

    /// <summary>Any JSON: Weft keeps it and gives it back, and does nothing with it.</summary>
    Any,
}

/// <summary>When a member may be written.</summary>
internal enum Mutability
{
    /// <summary>At any time.</summary>
    ReadWrite,

    /// <summary>At creation; later only with the value it has.</summary>
    CreateOnly,

    /// <summary>Until it has a value; later only with that one.</summary>
    SetOnce,

    /// <summary>Never: the server computes it, and what a caller sends is ignored.</summary>
    ReadOnly,

    /// <summary>At any time, but it is never given back.</summary>
    Secret,
}

/// <summary>
/// One member of a resource's body: its type and limits. From these rows come validation, defaults, PATCH, <c>weft
/// explain</c> and the tables of the documentation, so that no two of them can disagree.
/// </summary>
/// <param name="Description">One sentence for the reader of <c>weft explain</c>.</param>
internal sealed record SchemaMember(string Name, MemberType Type, string Description = "")
{
    /// <summary>Whether a PUT must have it. Default: no.</summary>
    public bool IsRequired { get; init; }

    /// <summary>When it may be written. Default: at any time.</summary>
    public Mutability Mutability { get; init; }

    /// <summary>Whether PATCH reaches it. Default: no.</summary>
    public bool IsPatchable { get; init; }

    /// <summary>The value of an absent member, as JSON text; null for none.</summary>
    public string? DefaultJson { get; init; }

    /// <summary>The lowest number, or the least length or count. Default: none.</summary>
    public long? Min { get; init; }

    /// <summary>The highest number, or the greatest length or count. Default: none.</summary>
    public long? Max { get; init; }

    /// <summary>What a text must match, whole. Default: anything.</summary>
    public Regex? PatternRegex { get; init; }

    /// <summary>The values of a choice, in the spelling that is given back.</summary>
    public ImmutableArray<string> EnumValues { get; init; } = [];

    /// <summary>The members of an object.</summary>
    public ImmutableArray<SchemaMember> Members { get; init; } = [];

    /// <summary>The element of a list.</summary>
    public SchemaMember? Element { get; init; }

    /// <summary>The types an id may be of, all of which must exist; empty for an id that Weft doesn't follow.</summary>
    public ImmutableArray<ResourceType> RefersTo { get; init; } = [];

    /// <summary>A text.</summary>
    public static SchemaMember Text(string name, string says = "") => new(name, MemberType.Text, says);

    /// <summary>A whole number.</summary>
    public static SchemaMember Integer(string name, string says = "") => new(name, MemberType.Integer, says);

    /// <summary>A flag: <c>True</c> or <c>False</c>.</summary>
    /// <param name="standard">The default, or null for none.</param>
    public static SchemaMember BooleanString(string name, bool? standard = null, string says = "") =>
        new(name, MemberType.BooleanString, says)
        {
            EnumValues = ["True", "False"],
            DefaultJson = standard is { } value ? $"\"{value}\"" : null,
        };

    /// <summary>A boolean: <c>true</c> or <c>false</c>.</summary>
    public static SchemaMember Boolean(string name, bool standard, string says = "") =>
        new(name, MemberType.Boolean, says) { DefaultJson = standard ? "true" : "false" };

    /// <summary>One of a closed list.</summary>
    /// <param name="values">The values, separated by <c>|</c>; a leading <c>*</c> marks the default.</param>
    public static SchemaMember Enum(string name, string values, string says = "")
    {
        var all = values.Split('|');
        var standard = all.FirstOrDefault(v => v.StartsWith('*'))?[1..];
        return new(name, MemberType.Enum, says)
        {
            EnumValues = [.. all.Select(v => v.TrimStart('*'))],
            DefaultJson = standard is null ? null : $"\"{standard}\"",
        };
    }

    /// <summary>An id that must exist and be of one of the given types.</summary>
    /// <param name="types">The types; none for an id that Weft doesn't follow.</param>
    public static SchemaMember Id(string name, string says, params ImmutableArray<ResourceType> types) =>
        new(name, MemberType.Id, says) { RefersTo = types };

    /// <summary>A list.</summary>
    /// <param name="element">What it holds; the element's name is not used.</param>
    public static SchemaMember List(string name, SchemaMember element, string says = "") =>
        new(name, MemberType.List, says) { Element = element };

    /// <summary>An object.</summary>
    public static SchemaMember Object(string name, params ImmutableArray<SchemaMember> members) =>
        new(name, MemberType.Object) { Members = members };

    /// <summary>Any JSON.</summary>
    public static SchemaMember Any(string name, string says = "kept and given back; Weft does nothing with it") =>
        new(name, MemberType.Any, says);

    /// <summary>The same member, required.</summary>
    public SchemaMember Required() => this with { IsRequired = true };

    /// <summary>The same member, written at creation only.</summary>
    public SchemaMember Immutable() => this with { Mutability = Mutability.CreateOnly };

    /// <summary>The same member, written once.</summary>
    public SchemaMember SetOnce() => this with { Mutability = Mutability.SetOnce };

    /// <summary>The same member, computed by the server.</summary>
    public SchemaMember ReadOnly() => this with { Mutability = Mutability.ReadOnly };

    /// <summary>The same member, reached by PATCH.</summary>
    public SchemaMember Patchable() => this with { IsPatchable = true };

    /// <summary>The same member within bounds.</summary>
    /// <param name="min">The lowest number, or the least length or count; null for none.</param>
    /// <param name="max">The highest number, or the greatest length or count; null for none.</param>
    public SchemaMember Range(long? min, long? max) => this with { Min = min, Max = max };

    /// <summary>The same member with a default.</summary>
    /// <param name="json">The default as JSON text.</param>
    public SchemaMember Default(string json) => this with { DefaultJson = json };

    /// <summary>The same member with a pattern.</summary>
    /// <param name="pattern">A regular expression for the whole text.</param>
    public SchemaMember Pattern(string pattern) =>
        this with
        {
            PatternRegex = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)),
        };

    /// <summary>A copy of the default value.</summary>
    /// <returns>The default, or null for none.</returns>
    public JsonNode? CreateDefault() => DefaultJson is null ? null : JsonNode.Parse(DefaultJson);
}
