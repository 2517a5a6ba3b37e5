using System.Collections.Immutable;
using System.Text;
using Weft.Addressing;
using Weft.Attachments.Formats;
using Weft.Attachments.Nodes;

namespace Weft.Tests.Attachments.Formats;

/// <summary>
/// What each format says of each node, byte for byte. WEFT_WRITE_GOLDEN=1 rewrites the files; read the difference
/// before you keep it.
/// </summary>
public sealed class NodeFormatsTests
{
    internal static TheoryData<string, NodeFormat> Cases()
    {
        var data = new TheoryData<string, NodeFormat>();
        foreach (var (name, configuration) in NodeCases.All)
        {
            foreach (
                var format in Enum.GetValues<NodeFormat>()
                    .Where(format => format != NodeFormat.Nftables || !configuration.Guards.IsEmpty)
            )
                data.Add(name, format);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    internal void Renders_EachNodeInEachFormat(string name, NodeFormat format) =>
        Golden.Compare($"{name}.{format}", Golden.Text(NodeFormats.Render(format, NodeCases.All[name]).Value));

    [Theory]
    [MemberData(nameof(NodeCases.Names), MemberType = typeof(NodeCases))]
    public void Renders_TheSame_AfterARoundTrip(string name)
    {
        using var wire = System.Text.Json.JsonDocument.Parse(NodeCases.All[name].ToJson().ToJsonString());
        var read = NodeConfiguration.Read(wire.RootElement, "w1").Value;
        foreach (var format in Enum.GetValues<NodeFormat>())
            Assert.Equal(NodeFormats.Render(format, NodeCases.All[name]).Value, NodeFormats.Render(format, read).Value);
    }

    [Fact]
    public void Renders_Removals_WhereAFormatMustBeTold()
    {
        var now = NodeCases.Node([
            NodeCases.All["card-l3"].Links[0] with
            {
                Routes = [NodeCases.All["card-l3"].Links[0].Routes[1]],
            },
        ]);
        var before = NodeCases.All["card-functions"] with
        {
            Links = [.. NodeCases.All["card-functions"].Links, NodeCases.All["card-l3"].Links[0]],
            Guards = NodeCases.All["card-trunk-pods"].Guards,
        };
        foreach (var format in new[] { NodeFormat.Nmstate, NodeFormat.Nftables })
            Golden.Compare($"previous.{format}", Golden.Text(NodeFormats.Render(format, now, before).Value));
    }

    [Fact]
    public void Renders_NothingMore_WhereThePreviousIsThePresent()
    {
        foreach (var configuration in NodeCases.All.Values)
        {
            foreach (var format in Enum.GetValues<NodeFormat>())
                Assert.Equal(
                    NodeFormats.Render(format, configuration).Value,
                    NodeFormats.Render(format, configuration, configuration).Value
                );
        }
    }

    [Fact]
    public void Gives_EveryFile_ItsHeader_AndAPathOfItsOwn()
    {
        foreach (var configuration in NodeCases.All.Values)
        {
            foreach (var format in Enum.GetValues<NodeFormat>())
            {
                var files = NodeFormats.Render(format, configuration).Value;
                Assert.All(
                    files,
                    file => Assert.StartsWith("# Drawn by Weft.", file.Content, StringComparison.Ordinal)
                );
                Assert.Equal(files.Length, files.Select(file => file.Path).Distinct().Count());
            }
        }
    }

    [Fact]
    public void Allows_TheNodesOwnVlans_ThroughTheGuard()
    {
        var layout = NodeLayout.Create(NodeCases.All["bond-trunk-pods"]).Value;
        Assert.Equal("600,602-603,750", Assert.Single(layout.Guards).Vlans.ToString());
    }

    [Fact]
    public void Merges_GuardsOfOneParent()
    {
        var configuration = NodeCases.All["card-trunk-pods"];
        var other = new TrunkGuard("ens1f0", "/x/trunkedNetworks/other", VlanSet.Create([800]), false);
        var layout = NodeLayout.Create(configuration with { Guards = [.. configuration.Guards, other] }).Value;
        Assert.Equal(
            ("602-603,750,800", false),
            (Assert.Single(layout.Guards).Vlans.ToString(), layout.Guards[0].Untagged)
        );
    }

    [Fact]
    public void Allows_Untagged_WhereTheNodeHasAnAddressOnTheParent()
    {
        var configuration = NodeCases.All["card-trunk-pods"];
        var layout = NodeLayout
            .Create(
                configuration with
                {
                    Links = [configuration.Links[0] with { Addresses = [(NodeCases.Of("10.0.0.1"), 24)] }],
                }
            )
            .Value;
        Assert.True(Assert.Single(layout.Guards).Untagged);
    }

    [Theory]
    [InlineData("trk0", "weft-trunk-trk0")]
    [InlineData("a@b+c", "weft-trunk-a/40b/2bc")]
    [InlineData("a_40b", "weft-trunk-a_40b")]
    public void Names_TheGuardsTable(string parent, string table) =>
        Assert.Equal(table, TrunkGuardRuleset.TableNameOf(parent));
}

/// <summary>Rendered files as one text.</summary>
internal static class Golden
{
    public static string Text(ImmutableArray<NodeFile> files) =>
        files
            .Aggregate(
                new StringBuilder(),
                (text, file) =>
                    text.Append("==== ")
                        .Append(file.Path)
                        .Append(' ')
                        .Append(file.Mode)
                        .Append('\n')
                        .Append(file.Content)
            )
            .ToString();

    public static void Compare(string name, string drawn)
    {
        var file = Path.Combine(
            Repository.Root,
            "tests",
            "Weft.Tests",
            "Attachments",
            "Formats",
            "Golden",
            $"{name}.txt"
        );
        if (Environment.GetEnvironmentVariable("WEFT_WRITE_GOLDEN") == "1")
            File.WriteAllText(file, drawn);
        Assert.True(File.Exists(file), $"{file} isn't there; run once with WEFT_WRITE_GOLDEN=1 and review it");
        Assert.Equal(File.ReadAllText(file), drawn);
    }
}
