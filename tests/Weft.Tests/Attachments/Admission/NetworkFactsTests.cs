using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Weft.Addressing;
using Weft.Attachments.Admission;
using Weft.Networks;

namespace Weft.Tests.Attachments.Admission;

/// <summary>What agents are told of a network's pool.</summary>
public sealed class NetworkFactsTests
{
    [Theory]
    [InlineData("{}", "10.20.6.4-10.20.6.254", """{"prefix":"10.20.6.0/24","gateway":"10.20.6.1","reserved":3}""")]
    [InlineData(
        "{'gateways':['None'],'reservedAddresses':0,'exclusions':['10.20.6.9']}",
        "10.20.6.1-10.20.6.8,10.20.6.10-10.20.6.254",
        """{"prefix":"10.20.6.0/24","gateway":null,"reserved":0,"exclusions":["10.20.6.9"]}"""
    )]
    [InlineData(
        "{'gateways':['10.20.6.20'],'ranges':['10.20.6.16/28'],'reservations':[{'name':'a','addresses':['10.20.6.99']}]}",
        "10.20.6.16-10.20.6.19,10.20.6.21-10.20.6.31,10.20.6.99",
        """{"prefix":"10.20.6.0/24","gateway":"10.20.6.20","reserved":3,"ranges":["10.20.6.16-10.20.6.31","10.20.6.99"]}"""
    )]
    public void Reads_WhatItWrote_AndJudgesAlike(string pool, string leasable, string written)
    {
        var site = TestSite.Small();
        site.Put("~c/l3Networks/n6/providers/Weft.Ipam/pools/default", $"{{'properties':{pool}}}");
        var network = Network.Find(site.State, TestSite.Id("~c/l3Networks/n6"), site.Limits)!;
        var text = Write(NetworkFacts.FromNetwork(network, ImmutableDictionary<int, Network>.Empty));
        Assert.Contains(written, text, StringComparison.Ordinal);

        var read = NetworkFacts.Read(JsonElement.Parse(text))!;
        var (theirs, ours) = (read.Subnets[0], network.Subnets[0]);
        Assert.Equal((ours.Prefix, ours.Gateway, ours.Reserved), (theirs.Prefix, theirs.Gateway, theirs.Reserved));
        // What is kept may be asked for: for whom, the control plane knows alone.
        Assert.Equal(leasable, string.Join(',', theirs.LeasableRanges));
        Assert.Equal(text, Write(read));
    }

    private static string Write(NetworkFacts facts)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
            facts.WriteTo(writer);
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
