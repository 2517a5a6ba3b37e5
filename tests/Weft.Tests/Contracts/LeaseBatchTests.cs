using System.Text;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Contracts;

/// <summary>The bytes of batches, and that reading them without a document comes to the same as reading one.</summary>
public sealed class LeaseBatchTests
{
    private const string Id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.NetworkCloud/l3Networks/n6";
    private const string Holder = $"'network':'{Id}','containerId':'c','interface':'net1'";
    private const string Order = "'session':'s','sequence':7,'oldest':5";

    [Fact]
    public void Writes_ABatch_ByteForByte()
    {
        var holder = new LeaseHolder(ResourceId.Parse(Id).Value, "c", "net1");
        Assert.Equal(
            Text(
                $"{{{Order},'items':[{{'verb':'acquire',{Holder},'node':'w1'}},{{'verb':'release',{Holder}}},"
                    + $"{{'verb':'confirm',{Holder}}}]}}"
            ),
            Encoding.UTF8.GetString(
                LeaseBatchBody.Write(
                    [
                        new(LeaseVerb.Acquire, new PodLeaseRequest(holder) { Node = "w1" }),
                        new(LeaseVerb.Release, new PodLeaseRequest(holder)),
                        new(LeaseVerb.Confirm, new PodLeaseRequest(holder)),
                    ],
                    new RequestOrder("s", 7, 5)
                )
            )
        );
    }

    [Theory]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder}}}]}}")]
    [InlineData($"{{{Order},'items':[{{'verb':'acquire',{Holder}}},{{'verb':'release',{Holder}}}]}}")]
    [InlineData(
        $"{{{Order},'items':[{{'verb':'acquire',{Holder},'pod':'a'}},{{'verb':'confirm',{Holder},'pod':'b'}}]}}"
    )]
    [InlineData($"{{'items':[{{'node':'w1','uid':'u','namespace':'core','verb':'release',{Holder}}}]}}")]
    public void Reads_WhatAgentsSend(string body)
    {
        var bytes = Encoding.UTF8.GetBytes(Text(body));

        var plain = PlainLeaseBatch.TryRead(bytes, _ => null)!;

        var read = LeaseBatchBody.Read(Json.ParseObject(bytes).Value).Value.Select(item => item.Value).ToList();
        Assert.Equal(read.Select(Comparable), plain.Select(Comparable));
        var known = ResourceId.Parse(Id).Value;
        Assert.All(
            PlainLeaseBatch.TryRead(bytes, id => id == Id ? known : null)!,
            item => Assert.Same(known, item.Request.Holder.Network)
        );

        static BatchedLeaseRequest Comparable(BatchedLeaseRequest item) =>
            item with
            {
                Request = item.Request with { Ips = [] },
            };
    }

    [Fact]
    public void Numbers_Items_FromTheFirstOn()
    {
        var bytes = Encoding.UTF8.GetBytes(
            Text($"{{{Order},'items':[{{'verb':'acquire',{Holder}}},{{'verb':'release',{Holder}}}]}}")
        );
        Assert.Equal(
            [new RequestOrder("s", 7, 5), new RequestOrder("s", 8, 5)],
            PlainLeaseBatch.TryRead(bytes, _ => null)!.Select(item => item.Request.Order)
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{'items':[]}")]
    [InlineData("{'items':[7]}")]
    [InlineData("{'items':{}}")]
    [InlineData($"{{'items':[{{{Holder}}}]}}")]
    [InlineData($"{{'items':[{{'verb':'renew',{Holder}}}]}}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder}}}],{Order}}}")]
    [InlineData($"{{'session':'s','items':[{{'verb':'acquire',{Holder}}}]}}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder},'ips':['10.0.0.1']}}]}}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder},'pod':''}}]}}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder},'pod':7}}]}}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder},'containerId':'d'}}]}}")]
    [InlineData($"{{'items':[{{'verb':'acquire','network':'{Id}','containerId':'c#d','interface':'net1'}}]}}")]
    [InlineData("{'items':[{'verb':'acquire','network':'/x','containerId':'c','interface':'net1'}]}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder}}}]}} {{}}")]
    [InlineData($"{{'items':[{{'verb':'acquire',{Holder}}}")]
    public void Leaves_TheRest_ToWhoeverSaysWhatIsWrong(string body) =>
        Assert.Null(PlainLeaseBatch.TryRead(Encoding.UTF8.GetBytes(Text(body)), _ => null));

    [Theory]
    [InlineData("{}", "MissingMember", "items")]
    [InlineData("{'items':[]}", "MissingMember", "items")]
    [InlineData($"{{'session':'s','items':[{{'verb':'acquire',{Holder}}}]}}", "InvalidMember", "session")]
    public void Refuses_ABatch(string body, string code, string target)
    {
        var refusal = LeaseBatchBody.Read(Json.ParseObject(Encoding.UTF8.GetBytes(Text(body))).Value).Refusal!;
        Assert.Equal((code, target), (refusal.Code.ToString(), refusal.Target));
    }

    [Theory]
    [InlineData("7", "items[1]")]
    [InlineData("{'verb':'renew'}", "items[1].verb")]
    [InlineData("{'verb':'acquire','containerId':'c','interface':'net1'}", "items[1].network")]
    [InlineData($"{{'verb':'acquire',{Holder},'sequence':7}}", "items[1].sequence")]
    public void Refuses_AnItem_ByItsPlace_AndNoOther(string item, string target)
    {
        var body = $"{{'items':[{{'verb':'acquire',{Holder}}},{item},{{'verb':'release',{Holder}}}]}}";
        var items = LeaseBatchBody.Read(Json.ParseObject(Encoding.UTF8.GetBytes(Text(body))).Value).Value;
        Assert.Equal(target, items[1].Refusal!.Target);
        Assert.Null(items[0].Refusal);
        Assert.Equal(LeaseVerb.Release, items[2].Value.Verb);
    }

    /// <summary>An item's texts are bounded as those of the same request alone.</summary>
    [Theory]
    [InlineData("pod")]
    [InlineData("namespace")]
    [InlineData("uid")]
    [InlineData("node")]
    public void Refuses_AnItemsText_ThatIsTooLong(string member)
    {
        string Body(int length) =>
            Text($"{{'items':[{{'verb':'acquire',{Holder},'{member}':'{new string('x', length)}'}}]}}");
        Outcome<BatchedLeaseRequest> Read(int length) =>
            LeaseBatchBody.Read(Json.ParseObject(Encoding.UTF8.GetBytes(Body(length))).Value).Value[0];
        Assert.Null(Read(AgentTexts.MaxLeaseText).Refusal);
        Assert.NotNull(PlainLeaseBatch.TryRead(Encoding.UTF8.GetBytes(Body(AgentTexts.MaxLeaseText)), _ => null));
        Assert.Equal($"items[0].{member}", Read(AgentTexts.MaxLeaseText + 1).Refusal!.Target);
        Assert.Null(PlainLeaseBatch.TryRead(Encoding.UTF8.GetBytes(Body(AgentTexts.MaxLeaseText + 1)), _ => null));
    }

    [Fact]
    public void Refuses_MoreItemsAndBytesThanABatchMayHave_AndNoFewer()
    {
        string Body(int count) =>
            Text($"{{'items':[{string.Join(',', Enumerable.Repeat($"{{'verb':'release',{Holder}}}", count))}]}}");
        Outcome<System.Collections.Immutable.ImmutableArray<Outcome<BatchedLeaseRequest>>> Read(int count) =>
            LeaseBatchBody.Read(Json.ParseObject(Encoding.UTF8.GetBytes(Body(count))).Value);
        Assert.Equal(LeaseBatchBody.MaxItems, Read(LeaseBatchBody.MaxItems).Value.Length);
        Assert.Equal(
            LeaseBatchBody.MaxItems,
            PlainLeaseBatch.TryRead(Encoding.UTF8.GetBytes(Body(LeaseBatchBody.MaxItems)), _ => null)!.Count
        );
        var refusal = Read(LeaseBatchBody.MaxItems + 1).Refusal!;
        Assert.Equal((RefusalCode.RequestTooLarge, "items"), (refusal.Code, refusal.Target));
        Assert.Contains("has 257, and 256 are the most", refusal.Message, StringComparison.Ordinal);
        Assert.Null(PlainLeaseBatch.TryRead(Encoding.UTF8.GetBytes(Body(LeaseBatchBody.MaxItems + 1)), _ => null));
        Assert.Null(LeaseBatchBody.CheckLength(LeaseBatchBody.MaxBytes));
        Assert.Equal(RefusalCode.RequestTooLarge, LeaseBatchBody.CheckLength(LeaseBatchBody.MaxBytes + 1)!.Code);
    }

    [Theory]
    [InlineData("""{"items":[]}""")]
    [InlineData("""{"items":[{"status":204},{"status":204}]}""")]
    [InlineData("""{"items":[{}]}""")]
    [InlineData("""{"items":[{"status":"204"}]}""")]
    [InlineData("""{"items":[7]}""")]
    [InlineData("""{"items":[{"status":200,"lease":{"addresses":[],"routes":[]}}]}""")]
    public void Takes_NoAnswer_ThatIsNoneToTheRequest(string answer) =>
        Assert.Null(LeaseBatchResponse.Read(Encoding.UTF8.GetBytes(answer), 1));

    private static string Text(string body) => body.Replace('\'', '"');
}
