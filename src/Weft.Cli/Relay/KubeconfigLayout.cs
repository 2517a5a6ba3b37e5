using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Weft.Cli.Relay;

/// <summary>
/// Where things stand in the text of a kubeconfig, so that some lines can change while all others stay as somebody
/// wrote them.
/// </summary>
internal sealed class KubeconfigLayout
{
    private readonly Dictionary<string, ListSpan> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScalarSpan> _scalars = new(StringComparer.Ordinal);

    /// <summary>
    /// Whether every list is written an item a line, as kubectl does: then lines can be changed. Otherwise the file is
    /// written anew.
    /// </summary>
    public bool IsBlockStyle { get; private set; } = true;

    /// <summary>Reads a text that has been read as YAML before.</summary>
    public static KubeconfigLayout Parse(string text)
    {
        var layout = new KubeconfigLayout();
        var parser = new Parser(new Scanner(new StringReader(text), skipComments: true));
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _) || !parser.TryConsume<MappingStart>(out var root))
            return layout;
        layout.IsBlockStyle = root.Style != MappingStyle.Flow;
        while (!parser.TryConsume<MappingEnd>(out _))
            layout.ReadMember(parser, parser.Consume<Scalar>());
        return layout;
    }

    /// <summary>A list of the root.</summary>
    /// <param name="name">Its name, such as <c>contexts</c>.</param>
    /// <returns>Where it is, or null where there is none.</returns>
    public ListSpan? FindList(string name) => _lists.GetValueOrDefault(name);

    /// <summary>A text of the root.</summary>
    /// <param name="name">Its name, such as <c>current-context</c>.</param>
    /// <returns>Where it is, or null where there is none.</returns>
    public ScalarSpan? FindScalar(string name) => _scalars.TryGetValue(name, out var place) ? place : null;

    private void ReadMember(Parser parser, Scalar key)
    {
        var line = LineOf(key.Start);
        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            _lists[key.Value] = ReadItems(parser, line, sequence.Style == SequenceStyle.Flow);
        }
        else if (parser.TryConsume<Scalar>(out var text))
        {
            var place = new ScalarSpan((int)text.Start.Index, (int)text.End.Index);
            _scalars[key.Value] = place;
            // 'clusters: null', and 'clusters:' with nothing: a list that has no items yet.
            _lists[key.Value] = new ListSpan(line, line, []);
        }
        else
        {
            Skip(parser);
        }
    }

    private ListSpan ReadItems(Parser parser, int keyLine, bool isFlow)
    {
        var items = new List<ItemSpan>();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            parser.Accept<ParsingEvent>(out _);
            var first = parser.Current!.Start;
            var (name, last) = ReadItem(parser);
            items.Add(new ItemSpan(name, LineOf(first), last));
        }

        if (isFlow && items.Count > 0)
            IsBlockStyle = false;
        return new ListSpan(
            keyLine,
            isFlow ? keyLine
                : items.Count > 0 ? items[^1].Last
                : keyLine,
            items
        );
    }

    /// <summary>Reads an item to its end.</summary>
    private static (string? Name, int Last) ReadItem(Parser parser)
    {
        string? name = null;
        if (!parser.TryConsume<MappingStart>(out _))
            return (null, Skip(parser));
        var last = 0;
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = parser.Consume<Scalar>();
            if (key.Value == "name" && parser.Accept<Scalar>(out var value))
                name = value.Value;
            last = Math.Max(last, Math.Max(LineOf(key.Start), Skip(parser)));
        }

        return (name, last);
    }

    /// <summary>Reads a node to its end, and says on which line its last text is.</summary>
    private static int Skip(Parser parser)
    {
        var last = 0;
        for (var depth = 0; ; )
        {
            var next = parser.Consume<ParsingEvent>();
            depth += next.NestingIncrease;
            // The end of a block is where the next thing begins; only texts and brackets say where something was.
            if (
                next is Scalar or AnchorAlias or MappingStart or SequenceStart
                || next is MappingEnd or SequenceEnd && next.End.Index > next.Start.Index
            )
                last = Math.Max(
                    last,
                    next.End.Column == 1 && next.End.Line > next.Start.Line ? LineOf(next.End) - 1 : LineOf(next.End)
                );
            if (depth == 0)
                return last;
        }
    }

    private static int LineOf(Mark mark) => (int)mark.Line - 1;
}

/// <summary>Where a list is.</summary>
/// <param name="KeyLine">The line of its name, from 0.</param>
internal sealed record ListSpan(int KeyLine, int Last, IReadOnlyList<ItemSpan> Items);

/// <summary>Where an item is.</summary>
/// <param name="Name">Its <c>name</c>, or null.</param>
/// <param name="First">The line on which its first member begins, from 0.</param>
internal sealed record ItemSpan(string? Name, int First, int Last);

/// <summary>Where a text is, in characters from the start of the file.</summary>
internal readonly record struct ScalarSpan(int Start, int End);
