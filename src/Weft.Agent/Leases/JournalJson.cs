using System.Text.Json.Serialization;

namespace Weft.Agent.Leases;

/// <summary>What the journal's lines are made of; reflection wouldn't survive compilation ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(JournalHeader))]
[JsonSerializable(typeof(IReadOnlyList<JournalEntry>))]
internal sealed partial class JournalJson : JsonSerializerContext;
