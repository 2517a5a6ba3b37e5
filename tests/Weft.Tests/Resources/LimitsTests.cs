using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Tests.Resources;

public sealed class LimitsTests
{
    [Fact]
    public void Keeps_TheDefaultOfWhatIsLeftOut()
    {
        Assert.Equal(Limits.Default, Limits.Read([]).Value);
        Assert.Equal(Limits.Default with { MtuHighest = 1500 }, Read("""{"mtuHighest":1500}"""));
    }

    [Fact]
    public void Reads_BackWhatItServes()
    {
        var limits = new Limits
        {
            ReservedAddresses = 8,
            VlanLowest = 200,
            VlanHighest = 300,
            MtuLowest = 1280,
            MtuHighest = 9000,
        };
        Assert.Equal(limits, Read(limits.ToJson().ToJsonString()));
    }

    [Theory]
    [InlineData("""{"vlanLowest":100,"vlanHighest":100}""")]
    [InlineData("""{"mtuLowest":1500,"mtuHighest":1500}""")]
    [InlineData("""{"reservedAddresses":0}""")]
    [InlineData("""{"reservedAddresses":16}""")]
    public void Allows_BothEnds(string body) => Assert.NotNull(Read(body));

    [Theory]
    [InlineData("""{"vlanLowest":101,"vlanHighest":100}""", "'vlanLowest': 101 is above vlanHighest, 100")]
    [InlineData("""{"mtuLowest":1501,"mtuHighest":1500}""", "'mtuLowest': 1501 is above mtuHighest, 1500")]
    [InlineData("""{"vlanLowest":4094,"vlanHighest":4093}""", "'vlanLowest': 4094 is above vlanHighest, 4093")]
    public void Refuses_ALowestAboveTheHighest(string body, string message) =>
        Assert.Equal(message, Limits.Read(JsonNode.Parse(body)!.AsObject()).Refusal?.Message);

    [Theory]
    [InlineData("""{"reservedAddresses":17}""", "reservedAddresses")]
    [InlineData("""{"reservedAddresses":-1}""", "reservedAddresses")]
    [InlineData("""{"vlanLowest":0}""", "vlanLowest")]
    [InlineData("""{"vlanHighest":4095}""", "vlanHighest")]
    [InlineData("""{"mtuLowest":63}""", "mtuLowest")]
    [InlineData("""{"mtuHighest":65536}""", "mtuHighest")]
    [InlineData("""{"mtuHighest":"x"}""", "mtuHighest")]
    [InlineData("""{"mtu":1500}""", "mtu")]
    public void Refuses_WhatIsOutOfRange_OrUnknown(string body, string member) =>
        Assert.Contains(
            member,
            Limits.Read(JsonNode.Parse(body)!.AsObject()).Refusal?.Message ?? "",
            StringComparison.Ordinal
        );

    private static Limits? Read(string body) => Limits.Read(JsonNode.Parse(body)!.AsObject()).Value;
}
