using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Weft.Cli.Documents;

/// <summary>Reads the documents of a YAML file, event by event, and remembers where each member stands.</summary>
internal sealed class YamlReader
{
    // Aliases multiply: a page of YAML can stand for more nodes than there is memory. Real sites stay far below.
    private const int MostNodes = 1_000_000;
    private const int MostDepth = 64;

    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly List<Finding> _findings;
    private readonly Dictionary<AnchorName, JsonNode?> _anchors = [];
    private Origin _origin;
    private int _nodes;
    private int _depth;

    private YamlReader(string file, TextReader text, List<Finding> findings)
    {
        _scanner = new Scanner(text, skipComments: true);
        (_parser, _findings, _origin) = (new Parser(_scanner), findings, new Origin(file));
    }

    /// <summary>Reads all documents.</summary>
    /// <returns>The documents that could be read; empty ones are left out.</returns>
    public static List<RawDocument> Read(string file, TextReader text, List<Finding> findings)
    {
        var documents = new List<RawDocument>();
        var reader = new YamlReader(file, text, findings);
        try
        {
            reader.Documents(documents);
        }
        catch (YamlException e)
        {
            findings.Add(new Finding(new Place(file, e.Start.Line, e.Start.Column), Sentence(e)));
        }

        catch (InvalidOperationException)
        {
            // YamlDotNet's scanner says this, and nothing more, of a flow collection that is never closed.
            var at = reader._scanner.CurrentPosition;
            findings.Add(new Finding(new Place(file, at.Line, at.Column), "no YAML: a bracket is not closed before this line"));
        }

        return documents;
    }

    private static string Sentence(YamlException e)
    {
        var message = e.InnerException is YamlException inner ? inner.Message : e.Message;
        return $"no YAML: {message.TrimEnd('.')}";
    }

    private void Documents(List<RawDocument> documents)
    {
        _parser.Consume<StreamStart>();
        while (!_parser.TryConsume<StreamEnd>(out _))
        {
            _origin = new Origin(_origin.File);
            _anchors.Clear();
            _parser.Consume<DocumentStart>();
            var value = Node("");
            if (value is not null)
                documents.Add(new RawDocument(value, _origin, IsYaml: true));
            _parser.Consume<DocumentEnd>();
        }
    }

    private JsonNode? Node(string path)
    {
        _parser.Accept<ParsingEvent>(out _);
        var current = _parser.Current!;
        if (++_nodes > MostNodes)
            throw new SemanticErrorException(current.Start, current.End, $"more than {MostNodes} values");
        _origin.Mark(path, current.Start.Line, current.Start.Column);
        if (_parser.TryConsume<AnchorAlias>(out var alias))
            return Aliased(alias);
        var anchor = ((NodeEvent)current).Anchor;
        if (++_depth > MostDepth)
            throw new SemanticErrorException(current.Start, current.End, $"nested deeper than {MostDepth} levels");
        JsonNode? value = current switch
        {
            MappingStart => Mapping(path),
            SequenceStart => Sequence(path),
            _ => Text(_parser.Consume<Scalar>()),
        };
        _depth--;
        if (!anchor.IsEmpty)
            _anchors[anchor] = value;
        return value;
    }

    private JsonObject Mapping(string path)
    {
        var map = new JsonObject();
        var start = _parser.Consume<MappingStart>();
        RefuseTag(start, "tag:yaml.org,2002:map");
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            if (!_parser.TryConsume<Scalar>(out var key))
                throw new SemanticErrorException(_parser.Current!.Start, _parser.Current.End, "a member's name must be a text");
            var member = Origin.Member(path, key.Value);
            if (key.Value == "<<" && key.Style == ScalarStyle.Plain)
                Find(key, "merge keys (<<) are YAML 1.1; write the members out");
            else if (map.ContainsKey(key.Value))
                Find(key, $"'{key.Value}' is given twice");
            _origin.Mark(member, key.Start.Line, key.Start.Column);
            map[key.Value] = Node(member);
        }

        return map;
    }

    private JsonArray Sequence(string path)
    {
        var list = new JsonArray();
        RefuseTag(_parser.Consume<SequenceStart>(), "tag:yaml.org,2002:seq");
        while (!_parser.TryConsume<SequenceEnd>(out _))
            list.Add(Node(Origin.Item(path, list.Count)));
        return list;
    }

    private JsonNode? Text(Scalar scalar)
    {
        var tag = scalar.Tag.IsEmpty ? "" : scalar.Tag.Value;
        if (tag is "tag:yaml.org,2002:str" or "!" || (tag.Length == 0 && scalar.Style != ScalarStyle.Plain))
            return JsonValue.Create(scalar.Value);
        if (tag.Length > 0 && tag is not ("tag:yaml.org,2002:int" or "tag:yaml.org,2002:float" or "tag:yaml.org,2002:bool" or "tag:yaml.org,2002:null"))
            RefuseTag(scalar, "");
        if (!CoreSchema.TryResolve(scalar.Value, out var value))
            Find(scalar, $"'{scalar.Value}' has no form in JSON");
        return value;
    }

    private JsonNode? Aliased(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value, out var value))
            throw new SemanticErrorException(alias.Start, alias.End, $"there is no anchor '{alias.Value}' before this alias");
        _nodes += Count(value);
        if (_nodes > MostNodes)
            throw new SemanticErrorException(alias.Start, alias.End, $"more than {MostNodes} values");
        return value?.DeepClone();
    }

    private static int Count(JsonNode? node) => node switch
    {
        JsonObject map => 1 + map.Sum(member => Count(member.Value)),
        JsonArray list => 1 + list.Sum(Count),
        _ => 1,
    };

    private void RefuseTag(NodeEvent node, string allowed)
    {
        if (!node.Tag.IsEmpty && node.Tag.Value != allowed && node.Tag.Value != "!")
            Find(node, $"the tag {node.Tag.Value} means nothing here");
    }

    private void Find(ParsingEvent at, string message) => _findings.Add(new Finding(new Place(_origin.File, at.Start.Line, at.Start.Column), message));
}
