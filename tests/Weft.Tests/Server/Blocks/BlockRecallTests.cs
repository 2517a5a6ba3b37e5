using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.Fleet.Quotas;
using Weft.Resources;
using Weft.Server;
using Weft.Server.Inquiries;

namespace Weft.Tests.Server.Blocks;

/// <summary>What the real weftd asks back and for whom, of agents that are this test: each message by itself, in its order.</summary>
public sealed class BlockRecallTests
{
    private const string Big = $"{Documents.Cloud}/l3Networks/big";

    /// <summary>Pods that start at once are asked for in one call, and each is as well off as if it had been asked for alone.</summary>
    [Fact]
    public async Task Gives_WhatAnotherOwns_ToABatch()
    {
        await using var server = await SmallPool();
        var owner = await BlockAgent.Join(server, "w1");
        var asking = await BlockAgent.Join(server, "w2");
        Assert.Equal(8, CountOf(await owner.Report(wants: 8)));
        await owner.Listen();

        var batch = asking.AcquireAll(17);
        var asked = Assert.Single(await owner.Inquiries());
        Assert.Equal(Big, asked.Blocks!.Network, ignoreCase: true);
        _ = await owner.Report(isEmpty: true);
        await owner.Answer(asked);

        var items = (await batch).Expect(207).Json["items"]!.AsArray();
        Assert.Equal(16, items.Select(AddressOf).OfType<string>().Distinct(StringComparer.Ordinal).Count());
        var refused = Assert.Single(items, item => (int)item!["status"]! != 200)!;
        Assert.Equal("AddressPoolExhausted", (string?)refused["error"]!["code"]);
    }

    /// <summary>What comes back is for whoever waits for it: nobody is granted it as a block, nor its owner once more.</summary>
    [Fact]
    public async Task Grants_NoBlock_WhileSomebodyWaitsForWhatIsFree()
    {
        await using var server = await SmallPool();
        var owner = await BlockAgent.Join(server, "w1");
        var asking = await BlockAgent.Join(server, "w2");
        Assert.Equal(8, CountOf(await owner.Report(wants: 8)));
        (await asking.AcquireAll(8)).Expect(200);
        await owner.Listen();

        var last = asking.Send(AgentApi.Acquire, "last");
        var asked = Assert.Single(await owner.Inquiries());
        Assert.Empty((await owner.Report(isEmpty: true, wants: 8)).Blocks);
        Assert.Empty((await asking.Report(wants: 8)).Blocks);
        await owner.Answer(asked);
        (await last).Expect(200);

        // Nobody waits any more.
        (await asking.Send(AgentApi.Release, "last")).Expect(204);
        Assert.Equal(4, CountOf(await asking.Report(wants: 8)));
    }

    private static async Task<InProcessServer> SmallPool()
    {
        var server = await InProcessServer.WithSite(
            numbers: ServerLimits.Default with
            {
                Leases = LeaseLimits.Default with { KeptPercent = 0 },
            }
        );
        await server.Create(
            new Document(
                $"{Big}/providers/Weft.Ipam/pools/default",
                JsonNode
                    .Parse(
                        """
                        {"properties":{"ranges":["10.30.0.16-10.30.0.31"],"coolDownSeconds":0,
                         "blocks":{"leastFree":0,"percent":100,"maxSize":8}}}
                        """
                    )!
                    .AsObject()
            )
        );
        return server;
    }

    /// <summary>How many IPv4 addresses the only block has.</summary>
    private static int CountOf(BlockReply reply) =>
        new OwnedBlock("", Big, Assert.Single(reply.Blocks).Ranges)
            .ToSet()
            .Where(range => range.Family == Weft.Addressing.AddressFamily.IPv4)
            .Sum(range => (int)range.Count);

    private static string? AddressOf(JsonNode? item) =>
        (int)item!["status"]! == 200 ? (string?)item["lease"]!["addresses"]![0]!["address"] : null;

    /// <summary>An agent of a node as weftd sees it.</summary>
    private sealed class BlockAgent(InProcessServer server, string node, string credential, string session)
    {
        private BlockReply _owned = new([], []);
        private Task<ServerResponse>? _listening;
        private long _sequence;

        public static async Task<BlockAgent> Join(InProcessServer server, string node)
        {
            var credential = await server.Enrol(Documents.East, node, node);
            var session = (await server.SendAsAgent(credential, "POST", AgentApi.Session)).Expect(200);
            return new BlockAgent(server, node, credential, (string)session.Json["session"]!);
        }

        /// <summary>Reports.</summary>
        /// <param name="isEmpty">Whether all that it owns is given back by it.</param>
        /// <param name="wants">How many addresses it expects to give; 0 where it wants no block.</param>
        public async Task<BlockReply> Report(bool isEmpty = false, int wants = 0)
        {
            var sequence = ++_sequence;
            var report = new BlockReport(
                $"owner-of-{node}",
                1,
                "machine",
                "boot",
                isEmpty
                    ? []
                    : [.. _owned.Blocks.Select(block => new OwnedBlock(block.Id, block.Network, block.Ranges))],
                [],
                wants == 0 ? [] : [new BlockWant(Big, wants)]
            )
            {
                Session = session,
                Sequence = sequence,
                Oldest = sequence,
            };
            var answer = await server.SendAsAgent(
                credential,
                "POST",
                AgentApi.Blocks,
                JsonNode.Parse(report.ToBytes())
            );
            return _owned = BlockReply.Read(System.Text.Encoding.UTF8.GetBytes(answer.Expect(200).Text))!;
        }

        /// <summary>Asks for addresses for a pod, or gives them back.</summary>
        public Task<ServerResponse> Send(string path, string container) =>
            server.SendAsAgent(credential, "POST", path, Lease(container));

        /// <summary>Asks for addresses for some pods in one call.</summary>
        public Task<ServerResponse> AcquireAll(int count)
        {
            var items = new JsonArray();
            for (var i = 0; i < count; i++)
            {
                var item = Lease($"c{i}");
                item["verb"] = "acquire";
                items.Add(item);
            }

            return server.SendAsAgent(credential, "POST", AgentApi.LeaseBatch, new JsonObject { ["items"] = items });
        }

        /// <summary>Waits for questions from here on.</summary>
        public Task Listen()
        {
            _listening = server.SendAsAgent(credential, "GET", AgentApi.Inquiries);
            var id = ResourceId.Parse($"{Documents.East}/providers/Weft.Fleet/agents/{node}").Value;
            return Eventually.Holds(() => server.Service<AgentInquiries>().IsListening(id), $"{node} listens");
        }

        /// <summary>What it is asked, once it is.</summary>
        public async Task<IReadOnlyList<AgentInquiry>> Inquiries() =>
            PendingInquiries.Read(System.Text.Encoding.UTF8.GetBytes((await _listening!).Expect(200).Text))!.Inquiries;

        /// <summary>Answers that what was asked back is back.</summary>
        public async Task Answer(AgentInquiry inquiry) =>
            (
                await server.SendAsAgent(
                    credential,
                    "PUT",
                    $"{AgentApi.Inquiries}/{inquiry.Id}",
                    JsonNode.Parse(new InquiryReport([], [], Returned: true).ToBytes())
                )
            ).Expect(204);

        private JsonObject Lease(string container)
        {
            var lease = LeaseAllocatorTests.LeaseRequest("big", container);
            lease["node"] = node;
            return lease;
        }
    }
}
