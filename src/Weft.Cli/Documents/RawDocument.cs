using System.Text.Json.Nodes;

namespace Weft.Cli.Documents;

/// <summary>A document as its file has it: JSON, and where each part of it stands.</summary>
/// <param name="Value">The value.</param>
/// <param name="Origin">The places.</param>
internal sealed record RawDocument(JsonNode? Value, Origin Origin);
