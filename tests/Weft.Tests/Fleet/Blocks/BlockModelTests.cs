using CsCheck;
using Weft.Addressing;
using Weft.Networks;
using Weft.Networks.Blocks;

namespace Weft.Tests.Fleet.Blocks;

/// <summary>
/// weftd's book and the agents' journals, whatever happens to them in whatever order, beside what pods have in truth: no address
/// is given twice, and none is lost once everybody is back.
/// </summary>
public sealed class BlockModelTests
{
    private const int Verbs = 20;

    [Fact]
    public void Gives_NoAddressTwice_AndLosesNone() =>
        Gen.Select(Gen.Int[0, Verbs - 1], Gen.Int[0, BlockWorld.Agents - 1], Gen.Int[0, 40])
            .Array[1, 120]
            .Sample(steps =>
            {
                var world = new BlockWorld();
                foreach (var (verb, agent, which) in steps)
                    Do(world, verb, world.Nodes[agent], which);
                BringBack(world);
                AssertKnown(world);
            });

    /// <summary>With everybody within reach, as many pods run as there are addresses, whoever owns blocks.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Gives_TheLastAddress_ToWhoeverAsks(int last)
    {
        var world = new BlockWorld();
        for (var i = 0; i < BlockWorld.Addresses; i++)
        {
            var agent = world.Nodes[i % 2 == 0 ? last : (last + 1) % BlockWorld.Agents];
            agent.AddPod();
            agent.Report(isAnswered: true);
        }

        Assert.Equal(BlockWorld.Addresses, world.Truth.Count);
        world.Nodes[last].AddPod();
        Assert.Equal(BlockWorld.Addresses, world.Truth.Count);
    }

    /// <summary>What weftd is told of first doesn't matter: that a pod has an address, or that the one before gave it up.</summary>
    [Fact]
    public void Takes_WhatIsGivenAgain_BeforeItHearsThatItWasGivenUp()
    {
        var world = new BlockWorld();
        var agent = world.Nodes[0];
        for (var i = 0; i < 6; i++)
        {
            agent.AddPod();
            agent.Report(isAnswered: true);
        }

        for (var i = 0; i < 2 * BlockWorld.Addresses; i++)
        {
            agent.DeletePod(i);
            agent.AddPod();
        }

        agent.Report(isAnswered: true);
        AssertEachHasItsOwn(world, agent);
        agent.Flush();
        AssertEachHasItsOwn(world, agent);
    }

    private static void Do(BlockWorld world, int verb, SimulatedAgent agent, int which)
    {
        switch (verb)
        {
            case 0 or 1 or 2 or 3 or 4:
                agent.AddPod();
                break;
            case 5 or 6:
                agent.DeletePod(which);
                break;
            case 7 or 8:
                agent.Report(isAnswered: true);
                break;
            case 9:
                agent.Report(isAnswered: false);
                break;
            case 10:
                agent.Flush();
                break;
            case 11:
                agent.IsCutOff = !agent.IsCutOff;
                break;
            case 12:
                agent.Start();
                break;
            case 13:
                agent.LoseJournal();
                break;
            case 14:
                agent.SetBack(which);
                break;
            case 15:
                agent.Reboot();
                break;
            case 16:
                world.AddMachine();
                break;
            case 17:
                world.Backup();
                break;
            case 18:
                world.Restore(which);
                break;
            default:
                if (!agent.IsCutOff)
                    agent.GiveBack();
                break;
        }
    }

    private static void BringBack(BlockWorld world)
    {
        foreach (var agent in world.Nodes)
            agent.IsCutOff = false;
        for (var round = 0; round < 4; round++)
        {
            foreach (var agent in world.Nodes)
            {
                agent.Flush();
                agent.Report(isAnswered: true);
            }
        }
    }

    private static void AssertEachHasItsOwn(BlockWorld world, SimulatedAgent agent)
    {
        var held = NetworkPool.HoldingsOf(world.State, BlockWorld.Network);
        Assert.Empty(NetworkPool.ClaimsOn(world.State, BlockWorld.Network));
        Assert.All(
            agent.Known,
            pod => Assert.Equal(BlockWorld.HolderOf(pod.Container, agent.Node).Id, held.LeaseOf(pod.Address)?.Holder.Id)
        );
    }

    private static void AssertKnown(BlockWorld world)
    {
        var held = NetworkPool.HoldingsOf(world.State, BlockWorld.Network);
        var claims = NetworkPool.ClaimsOn(world.State, BlockWorld.Network).ToList();
        foreach (var agent in world.Nodes)
        {
            foreach (var (container, address) in agent.Known)
            {
                var holder = BlockWorld.HolderOf(container, agent.Node).Id;
                // What a restored store has for somebody else is kept from everybody else, and shown.
                Assert.True(
                    held.LeaseOf(address)?.Holder.Id == holder
                        || claims.Exists(claim => claim.Address == address && claim.Holder.Id == holder),
                    $"{address} is {container}'s, and the store has it for {held.LeaseOf(address)?.Holder.Text}"
                );
            }
        }

        var book = BlockBook.Of(world.State, BlockWorld.Network);
        foreach (var block in book.Blocks)
            Assert.True(block.Free is { IPv4: >= 0, IPv6: >= 0 }, block.ToString());
        Assert.Equal(
            AddressSet.Create(book.Blocks.SelectMany(block => block.Addresses)).ToString(),
            book.Addresses.ToString()
        );
    }
}
