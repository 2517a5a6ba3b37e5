using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Weft.Cli.Documents;

/// <summary>Reads a JSON file as it is written, and remembers where each member stands.</summary>
internal static class JsonReader
{
    private static readonly JsonReaderOptions Options = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 64,
    };

    /// <summary>Reads the document.</summary>
    /// <returns>The document; none where it could not be read, or is empty.</returns>
    public static List<RawDocument> Read(string file, string text, List<Finding> findings)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var lines = new LineIndex(bytes);
        var sourceMap = new SourceMap(file);
        try
        {
            var reader = new Utf8JsonReader(bytes, Options);
            reader.Read();
            var value = ReadNode(ref reader, "", sourceMap, lines, findings);
            if (reader.Read())
                throw new JsonException("there is more after the end");
            return value is null ? [] : [new RawDocument(value, sourceMap)];
        }
        catch (JsonException e)
        {
            var location = new SourceLocation(file, (e.LineNumber ?? 0) + 1, (e.BytePositionInLine ?? 0) + 1);
            var cut = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            findings.Add(new Finding(location, $"no JSON: {(cut < 0 ? e.Message : e.Message[..cut]).TrimEnd('.')}"));
            return [];
        }
    }

    private static JsonNode? ReadNode(
        ref Utf8JsonReader reader,
        string path,
        SourceMap sourceMap,
        LineIndex lines,
        List<Finding> findings
    )
    {
        var (line, column) = lines.PositionOf(reader.TokenStartIndex);
        sourceMap.Add(path, line, column);
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return ReadObject(ref reader, path, sourceMap, lines, findings);
            case JsonTokenType.StartArray:
                var list = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    list.Add(ReadNode(ref reader, SourceMap.ItemPath(path, list.Count), sourceMap, lines, findings));
                return list;
            default:
                return JsonNode.Parse(ref reader);
        }
    }

    private static JsonObject ReadObject(
        ref Utf8JsonReader reader,
        string path,
        SourceMap sourceMap,
        LineIndex lines,
        List<Finding> findings
    )
    {
        var map = new JsonObject();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = reader.GetString()!;
            var member = SourceMap.MemberPath(path, name);
            var (line, column) = lines.PositionOf(reader.TokenStartIndex);
            if (map.ContainsKey(name))
                findings.Add(new Finding(new SourceLocation(sourceMap.File, line, column), $"'{name}' is given twice"));
            sourceMap.Add(member, line, column);
            reader.Read();
            map[name] = ReadNode(ref reader, member, sourceMap, lines, findings);
        }

        return map;
    }

    /// <summary>From a byte's index to line and column.</summary>
    private sealed class LineIndex
    {
        private readonly byte[] _text;
        private readonly List<int> _starts = [0];

        public LineIndex(byte[] text)
        {
            _text = text;
            for (var i = 0; i < text.Length; i++)
            {
                if (text[i] == '\n')
                    _starts.Add(i + 1);
            }
        }

        public (long Line, long Column) PositionOf(long index)
        {
            var found = _starts.BinarySearch((int)index);
            var line = found < 0 ? ~found - 1 : found;
            var column = Encoding.UTF8.GetCharCount(_text, _starts[line], (int)index - _starts[line]);
            return (line + 1, column + 1);
        }
    }
}
