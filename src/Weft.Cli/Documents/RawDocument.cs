using System.Text.Json.Nodes;

namespace Weft.Cli.Documents;

/// <summary>A document as its file has it: JSON, and where each part of it stands.</summary>
/// <param name="IsYaml">Whether it was written in YAML, where booleans are written plainly.</param>
internal sealed record RawDocument(JsonNode? Value, SourceMap SourceMap, bool IsYaml = false);
