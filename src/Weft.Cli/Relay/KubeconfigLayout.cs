using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Weft.Cli.Relay;

/// <summary>
/// Where things stand in the text of a kubeconfig, so that some lines can change while all others stay as somebody
/// wrote them.
/// </summary>
internal sealed class KubeconfigLayout
{
    private readonly YamlMappingNode _root;

    private KubeconfigLayout(string text, YamlMappingNode root)
    {
        _root = root;
        Lines = [.. text.TrimEnd('\n').Split('\n').Select(line => line.TrimEnd('\r'))];
    }

    /// <summary>The text's lines, without what ends them.</summary>
    public IReadOnlyList<string> Lines { get; }

    /// <summary>
    /// Whether every list is written an item a line, as kubectl does: then lines can be changed. Otherwise the file is
    /// written anew.
    /// </summary>
    public bool IsBlockStyle =>
        !IsFlow(_root)
        && !_root.Children.Values.Any(value => value is YamlSequenceNode list && IsFlow(list) && list.Any());

    /// <summary>Reads a text that has been read as a kubeconfig before.</summary>
    public static KubeconfigLayout Parse(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return new KubeconfigLayout(text, (YamlMappingNode)stream.Documents[0].RootNode);
    }

    /// <summary>A list of the root.</summary>
    /// <param name="name">Its name, such as <c>contexts</c>.</param>
    /// <returns>Where it is, or null where there is none.</returns>
    public ListSpan? FindList(string name)
    {
        foreach (var (key, value) in _root.Children)
        {
            if (key is not YamlScalarNode { Value: var word } || word != name)
                continue;
            // 'clusters: null', 'clusters: []' and 'clusters:' with nothing: a list that has no items yet.
            IEnumerable<YamlNode> items = value is YamlSequenceNode list ? list : [];
            return new ListSpan(LineOf(key.Start), [.. items.Select(ItemOf)]);
        }

        return null;
    }

    /// <summary>A text of the root.</summary>
    /// <param name="name">Its name, such as <c>current-context</c>.</param>
    /// <returns>Where it is, in characters; null where there is none.</returns>
    public Range? FindScalar(string name) =>
        _root.Children.TryGetValue(name, out var value) && value is YamlScalarNode
            ? (int)value.Start.Index..(int)value.End.Index
            : null;

    private ItemSpan ItemOf(YamlNode item)
    {
        // The dash mostly stands before the first member, else further up.
        var first = LineOf(item.Start);
        while (!Lines[first].TrimStart().StartsWith('-'))
            first--;
        var name =
            item is YamlMappingNode members && members.Children.TryGetValue("name", out var value) ? value : null;
        // The end of a block is where the next thing begins; only texts and brackets say where something was.
        var last = item.AllNodes.Where(node => node is YamlScalarNode || IsFlow(node)).Max(LastLineOf);
        return new ItemSpan((name as YamlScalarNode)?.Value, first, last);
    }

    private static bool IsFlow(YamlNode node) =>
        node is YamlMappingNode { Style: MappingStyle.Flow } or YamlSequenceNode { Style: SequenceStyle.Flow };

    /// <summary>The line of a node's last character. A text of several lines ends where the next line begins.</summary>
    private static int LastLineOf(YamlNode node) =>
        node.End.Column == 1 && node.End.Line > node.Start.Line ? LineOf(node.End) - 1 : LineOf(node.End);

    private static int LineOf(Mark mark) => (int)mark.Line - 1;
}

/// <summary>Where a list is.</summary>
/// <param name="KeyLine">The line of its name, from 0.</param>
internal sealed record ListSpan(int KeyLine, IReadOnlyList<ItemSpan> Items)
{
    /// <summary>The last line of its last item, or that of its name.</summary>
    public int Last => Items.Count > 0 ? Items[^1].Last : KeyLine;
}

/// <summary>Where an item is.</summary>
/// <param name="Name">Its <c>name</c>, or null.</param>
/// <param name="First">The line of its dash, from 0.</param>
internal sealed record ItemSpan(string? Name, int First, int Last);
