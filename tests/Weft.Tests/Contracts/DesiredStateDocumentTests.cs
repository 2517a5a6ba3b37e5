using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Addressing;
using Weft.Attachments;
using Weft.Attachments.Admission;
using Weft.Attachments.Nodes;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Tests.Contracts;

public sealed class DesiredStateDocumentTests
{
    private const string Cluster =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/kubernetesClusters/c1";
    private const string Network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";

    private static readonly DesiredState State = new(
        ResourceId.Parse(Cluster).Value,
        4711,
        [Manifest.Create("v1", "ConfigMap", "core", "it's", new() { ["data"] = new JsonObject() })],
        [
            new RenderedNode(
                "w1",
                [new NodeFile("/etc/netplan/60-weft.yaml", "0600", "network:\n  <é>\n")],
                new NodeConfiguration("w1", [], [], [], [])
            ),
            new RenderedNode("w2", []),
        ],
        []
    )
    {
        Networks =
        [
            new NetworkFacts(
                ResourceId.Parse(Network).Value,
                NetworkType.L3,
                "n6",
                9000,
                606,
                null,
                [new Subnet(Prefix.Parse("10.20.6.0/24").Value, 3)]
            ),
        ],
    };

    [Fact]
    public void Writes_ADesiredState_ByteForByte() =>
        Assert.Equal(
            $$$"""
            {"cluster":"{{{Cluster}}}","revision":4711,"digest":"{{{State.Digest}}}",
            "manifests":[{"apiVersion":"v1","kind":"ConfigMap",
            "metadata":{"name":"it's","namespace":"core","labels":{"app.kubernetes.io/managed-by":"weft"}},"data":{}}],
            "nodes":[{"name":"w1",
            "files":[{"path":"/etc/netplan/60-weft.yaml","mode":"0600","content":"network:\n  <é>\n"}],
            "configuration":{"links":[],"physicalFunctions":[],"devices":[],"guards":[]}},{"name":"w2","files":[]}],
            "networks":[{"id":"{{{Network}}}","type":"L3","interface":"n6","mtu":9000,"vlan":606,
            "subnets":[{"prefix":"10.20.6.0/24","gateway":"10.20.6.1","reserved":3}]}]}
            """.ReplaceLineEndings(""),
            Encoding.UTF8.GetString(State.ToBytes())
        );

    [Fact]
    public void Reads_WhatWasWritten()
    {
        var read = DesiredStateDocument.Read(JsonElement.Parse(State.ToBytes()));
        Assert.Equal((Cluster, State.Digest, 4711L), (read.Cluster, read.Digest, read.Revision));
        Assert.True(
            JsonNode.DeepEquals(State.Manifests[0].Body, JsonObject.Create(Assert.Single(read.Manifests!.Value)))
        );
        Assert.Equal(["w1", "w2"], read.Nodes!.Value.Select(node => node.Name));
        var first = read.Nodes.Value[0];
        Assert.Equal(
            [new DesiredFileEntry("/etc/netplan/60-weft.yaml", "0600", "network:\n  <é>\n")],
            first.Files!.Value.AsEnumerable()
        );
        Assert.True(first.HasConfiguration);
        Assert.Equal("w1", first.Configuration.Value.Node);
        Assert.False(read.Nodes.Value[1].HasConfiguration);
        var network = Assert.Single(read.Networks);
        Assert.Equal((Network, 606), (network.Id.ToString(), network.Vlan));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"digest":7,"revision":"1","cluster":[],"manifests":{},"nodes":null,"networks":[{}]}""")]
    public void Leaves_Out_WhatIsOfAnotherKind(string body)
    {
        var read = DesiredStateDocument.Read(JsonElement.Parse(body));
        Assert.Equal((null, null, null), (read.Digest, read.Revision, read.Cluster));
        Assert.Null(read.Manifests);
        Assert.Null(read.Nodes);
        Assert.Empty(read.Networks);
    }

    [Fact]
    public void Tells_AMissingList_FromAnEmptyOne()
    {
        var read = DesiredStateDocument.Read(
            JsonElement.Parse("""{"manifests":[],"nodes":[{"name":"w1"},{"name":"w2","files":[{}]},7]}""")
        );
        Assert.Equal(ImmutableArray<JsonElement>.Empty, read.Manifests);
        Assert.Null(read.Nodes!.Value[0].Files);
        Assert.Equal([new DesiredFileEntry(null, null, null)], read.Nodes.Value[1].Files!.Value.AsEnumerable());
        Assert.Null(read.Nodes.Value[2].Name);
        Assert.NotNull(read.Nodes.Value[0].Configuration.Refusal);
    }
}
