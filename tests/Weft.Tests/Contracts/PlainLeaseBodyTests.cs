using System.Text;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Contracts;

/// <summary>A body is read without a document only where reading it as one comes to the same.</summary>
public sealed class PlainLeaseBodyTests
{
    private const string Id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";
    private const string Holder = $"'network':'{Id}','containerId':'c','interface':'net1'";

    [Theory]
    [InlineData("")]
    [InlineData(",'pod':'upf-0','namespace':'core','uid':'u','node':'w1'")]
    [InlineData(",'session':'s','sequence':7,'oldest':7")]
    [InlineData(",'pod':'\\u00e4'")]
    public void Reads_WhatAgentsSend(string more)
    {
        var body = Encoding.UTF8.GetBytes($"{{{Holder}{more}}}".Replace('\'', '"'));

        var plain = PlainLeaseBody.TryRead(body, _ => null);

        var read = PodLeaseRequest.Read(Json.ParseObject(body).Value).Value;
        Assert.Equal(read with { Ips = [] }, plain! with { Ips = [] });
        var known = ResourceId.Parse(Id).Value;
        Assert.Same(known, PlainLeaseBody.TryRead(body, id => id == Id ? known : null)!.Holder.Network);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{'network':'/x','containerId':'c','interface':'net1'}")]
    [InlineData($"{{{Holder}")]
    [InlineData($"{{{Holder}}} {{}}")]
    [InlineData($"{{{Holder},'containerId':'d'}}")]
    [InlineData($"{{{Holder},'pod':7}}")]
    [InlineData($"{{{Holder},'pod':null}}")]
    [InlineData($"{{{Holder},'ips':[]}}")]
    [InlineData($"{{{Holder},'more':1}}")]
    [InlineData($"{{{Holder},'sequence':1}}")]
    [InlineData($"{{{Holder},'session':'s','sequence':1,'oldest':2}}")]
    [InlineData($"{{{Holder},'session':'s','sequence':1.5,'oldest':1}}")]
    [InlineData($"{{{Holder},'session':'s','sequence':1,'sequence':1,'oldest':1}}")]
    [InlineData($"{{'network':'{Id}','containerId':'c#d','interface':'net1'}}")]
    [InlineData($"{{{Holder},'pod':'\\ud800'}}")]
    public void Leaves_TheRest_ToWhoeverSaysWhatIsWrong(string body) =>
        Assert.Null(PlainLeaseBody.TryRead(Encoding.UTF8.GetBytes(body.Replace('\'', '"')), _ => null));

    [Fact]
    public void Leaves_TextsThatAreTooLong()
    {
        var body = $"{{{Holder},'pod':'{new string('x', AgentTexts.MaxLeaseText + 1)}'}}".Replace('\'', '"');
        Assert.Null(PlainLeaseBody.TryRead(Encoding.UTF8.GetBytes(body), _ => null));
    }
}
