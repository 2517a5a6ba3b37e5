using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Weft.Cli.Documents;

/// <summary>Reads the documents of a YAML file, event by event, and remembers where each member stands.</summary>
internal sealed class YamlReader
{
    // Aliases multiply: a page of YAML can stand for more nodes than there is memory. Real sites stay far below.
    private const int MaxNodes = 1_000_000;
    private const int MaxDepth = 64;

    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly List<Finding> _findings;
    private readonly Dictionary<AnchorName, JsonNode?> _anchors = [];
    private SourceMap _sourceMap;
    private int _nodes;
    private int _depth;

    private YamlReader(string file, TextReader text, List<Finding> findings)
    {
        _scanner = new Scanner(text, skipComments: true);
        (_parser, _findings, _sourceMap) = (new Parser(_scanner), findings, new SourceMap(file));
    }

    /// <summary>Reads all documents.</summary>
    /// <returns>The documents that could be read; empty ones are left out.</returns>
    public static List<RawDocument> Read(string file, TextReader text, List<Finding> findings)
    {
        var documents = new List<RawDocument>();
        var reader = new YamlReader(file, text, findings);
        try
        {
            reader.ReadDocuments(documents);
        }
        catch (YamlException e)
        {
            findings.Add(new Finding(new SourceLocation(file, e.Start.Line, e.Start.Column), MessageOf(e)));
        }
        catch (InvalidOperationException)
        {
            // YamlDotNet's scanner says this, and nothing more, of a flow collection that is never closed.
            var at = reader._scanner.CurrentPosition;
            findings.Add(
                new Finding(
                    new SourceLocation(file, at.Line, at.Column),
                    "no YAML: a bracket is not closed before this line"
                )
            );
        }

        return documents;
    }

    private static string MessageOf(YamlException e)
    {
        var message = e.InnerException is YamlException inner ? inner.Message : e.Message;
        return $"no YAML: {message.TrimEnd('.')}";
    }

    private void ReadDocuments(List<RawDocument> documents)
    {
        _parser.Consume<StreamStart>();
        while (!_parser.TryConsume<StreamEnd>(out _))
        {
            _sourceMap = new SourceMap(_sourceMap.File);
            _anchors.Clear();
            _parser.Consume<DocumentStart>();
            var value = ReadNode("");
            if (value is not null)
                documents.Add(new RawDocument(value, _sourceMap, IsYaml: true));
            _parser.Consume<DocumentEnd>();
        }
    }

    private JsonNode? ReadNode(string path)
    {
        _parser.Accept<ParsingEvent>(out _);
        var current = _parser.Current!;
        if (++_nodes > MaxNodes)
            throw new SemanticErrorException(current.Start, current.End, $"more than {MaxNodes} values");
        _sourceMap.Add(path, current.Start.Line, current.Start.Column);
        if (_parser.TryConsume<AnchorAlias>(out var alias))
            return ResolveAlias(alias);
        var anchor = ((NodeEvent)current).Anchor;
        if (++_depth > MaxDepth)
            throw new SemanticErrorException(current.Start, current.End, $"nested deeper than {MaxDepth} levels");
        JsonNode? value = current switch
        {
            MappingStart => ReadMapping(path),
            SequenceStart => ReadSequence(path),
            _ => ReadScalar(_parser.Consume<Scalar>()),
        };
        _depth--;
        if (!anchor.IsEmpty)
            _anchors[anchor] = value;
        return value;
    }

    private JsonObject ReadMapping(string path)
    {
        var map = new JsonObject();
        var start = _parser.Consume<MappingStart>();
        CheckTag(start, "tag:yaml.org,2002:map");
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            if (!_parser.TryConsume<Scalar>(out var key))
                throw new SemanticErrorException(
                    _parser.Current!.Start,
                    _parser.Current.End,
                    "a member's name must be a text"
                );
            var member = SourceMap.MemberPath(path, key.Value);
            if (key.Value == "<<" && key.Style == ScalarStyle.Plain)
                AddFinding(key, "merge keys (<<) are YAML 1.1; write the members out");
            else if (map.ContainsKey(key.Value))
                AddFinding(key, $"'{key.Value}' is given twice");
            _sourceMap.Add(member, key.Start.Line, key.Start.Column);
            map[key.Value] = ReadNode(member);
        }

        return map;
    }

    private JsonArray ReadSequence(string path)
    {
        var list = new JsonArray();
        CheckTag(_parser.Consume<SequenceStart>(), "tag:yaml.org,2002:seq");
        while (!_parser.TryConsume<SequenceEnd>(out _))
            list.Add(ReadNode(SourceMap.ItemPath(path, list.Count)));
        return list;
    }

    private JsonNode? ReadScalar(Scalar scalar)
    {
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (tag is "tag:yaml.org,2002:str" or "!" || (tag.Length == 0 && scalar.Style != ScalarStyle.Plain))
            return JsonValue.Create(scalar.Value);
        if (
            tag.Length > 0
            && tag
                is not (
                    "tag:yaml.org,2002:int"
                    or "tag:yaml.org,2002:float"
                    or "tag:yaml.org,2002:bool"
                    or "tag:yaml.org,2002:null"
                )
        )
            CheckTag(scalar, "");
        if (!CoreSchema.TryResolve(scalar.Value, out var value))
            AddFinding(scalar, $"'{scalar.Value}' has no form in JSON");
        return value;
    }

    private JsonNode? ResolveAlias(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value, out var value))
            throw new SemanticErrorException(
                alias.Start,
                alias.End,
                $"there is no anchor '{alias.Value}' before this alias"
            );
        _nodes += Count(value);
        if (_nodes > MaxNodes)
            throw new SemanticErrorException(alias.Start, alias.End, $"more than {MaxNodes} values");
        return value?.DeepClone();
    }

    private static int Count(JsonNode? node) =>
        node switch
        {
            JsonObject map => 1 + map.Sum(member => Count(member.Value)),
            JsonArray list => 1 + list.Sum(Count),
            _ => 1,
        };

    private void CheckTag(NodeEvent node, string allowed)
    {
        if (!node.Tag.IsEmpty && node.Tag.Value != allowed && node.Tag.Value != "!")
            AddFinding(node, $"the tag {node.Tag.Value} means nothing here");
    }

    private void AddFinding(ParsingEvent at, string message) =>
        _findings.Add(new Finding(new SourceLocation(_sourceMap.File, at.Start.Line, at.Start.Column), message));
}
