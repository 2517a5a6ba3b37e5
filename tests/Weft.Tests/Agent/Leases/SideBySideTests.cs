using System.Net;
using System.Runtime.Versioning;
using Weft.Agent.ControlPlane;
using Weft.Contracts;
using Weft.Files;

namespace Weft.Tests.Agent.Leases;

/// <summary>
/// An ADD waits for weftd and for the journal side by side, and is answered once both have it; wherever the machine stops,
/// what was answered is learned again, and what was given back stays so (docs/adr/0035-an-add-waits-for-one-sync.md).
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class SideBySideTests : IDisposable
{
    private const string Nothing = """{"error":{"code":"ResourceNotFound","message":"it holds nothing"}}""";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-").FullName;
    private readonly ManualResetEventSlim _disk = new(true);
    private readonly Dictionary<string, byte[]> _saved = [];
    private byte[] _durable = [];
    private int _starts;
    private int _syncs;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Asks_WhileTheJournalSyncs_AndAnswersOnceBothHaveIt()
    {
        await using var parts = Create();
        _disk.Reset();
        var acquiring = Acquire(parts, "a");
        var request = await parts.NextRequest("acquire", "a");
        request.Grant();
        // The journal's is the one that is missing; what is asked next shows that the answer has come.
        var other = Acquire(parts, "b");
        (await parts.NextRequest("acquire", "b")).Grant("10.20.6.5/24");
        Assert.False(acquiring.IsCompleted);
        _disk.Set();
        Assert.Equal("10.20.6.4/24", (await acquiring).Value.Addresses[0].Address);
        await other;

        var third = Acquire(parts, "c");
        request = await parts.NextRequest("acquire", "c");
        await AgentHarness.Eventually(() => parts.Table.IsRequested(LeaseParts.HolderOf("c")), "it is on the disk");
        Assert.False(third.IsCompleted);
        request.Grant("10.20.6.6/24");
        await third;
    }

    /// <summary>Nothing on the way of an ADD waits for a second sync, and many at once share one.</summary>
    [Fact]
    public async Task Syncs_OnceForAnAdd_AndOnceForManyAtOnce()
    {
        await using var parts = Create();
        for (var i = 0; i < 4; i++)
        {
            var before = _syncs;
            var acquiring = Acquire(parts, $"one{i}");
            (await parts.NextRequest("acquire", $"one{i}")).Grant($"10.20.6.{10 + i}/24");
            await acquiring;
            Assert.Equal(before + 1, _syncs);
        }

        // While a sync is under way the others gather behind it.
        var since = _syncs;
        _disk.Reset();
        var all = Enumerable.Range(0, 64).Select(i => Acquire(parts, $"c{i}")).ToList();
        // As many calls as may be under way at once, and the rest in one that follows them.
        var first = await parts.NextRequests(4);
        _disk.Set();
        foreach (var request in first.Values)
            request.Grant(AddressOf(request.Container));
        var rest = await parts.NextRequests(60);
        foreach (var request in rest.Values)
            request.Grant(AddressOf(request.Container));
        await Task.WhenAll(all).WaitAsync(Limit, Cancel);
        Assert.InRange(_syncs - since, 1, 3);
        Assert.All(rest.Values, request => Assert.True(request.IsInBatch));

        static string AddressOf(string container) => $"10.20.7.{1 + int.Parse(container[1..])}/24";
    }

    [Fact]
    public async Task Keeps_TheAnswer_WhenTheAgentIsKilled()
    {
        await using (var parts = Create())
        {
            await Grant(parts, "a");
            Save(await File.ReadAllBytesAsync(parts.JournalPath, Cancel), "journal");
            Save(await File.ReadAllBytesAsync($"{parts.JournalPath}.tail", Cancel), "journal.tail");
        }

        await using var again = Restart();
        var answer = Acquire(again, "a");
        Assert.True(answer.IsCompletedSuccessfully);
        Assert.Equal("10.20.6.4/24", (await answer).Value.Addresses[0].Address);
    }

    [Fact]
    public async Task Learns_TheAnswerAgain_WhenTheMachineStops()
    {
        await using (var parts = Create())
        {
            await Grant(parts, "a");
            Save(_durable, "journal");
        }

        await using var again = Restart();
        Assert.False(again.Table.TryGet(LeaseParts.HolderOf("a"), out _));
        again.StartConfirming();
        (await again.NextRequest("confirm", "a")).Fail();
        await again.PassStep(LeaseParts.Timings.InitialBackoff);
        (await again.NextRequest("confirm", "a")).Grant("10.20.6.4/24");
        await AgentHarness.Eventually(() => again.Table.TryGet(LeaseParts.HolderOf("a"), out _), "it is learned");
        Assert.Empty(again.Table.Requests());
    }

    [Fact]
    public async Task Forgets_WhatCameToNothing_WhenTheMachineStops()
    {
        await using (var parts = Create())
        {
            var acquiring = Acquire(parts, "a");
            await parts.NextRequest("acquire", "a");
            await AgentHarness.Eventually(() => parts.Table.IsRequested(LeaseParts.HolderOf("a")), "it is on the disk");
            Save(_durable, "journal");
        }

        await using var again = Restart();
        again.StartConfirming();
        (await again.NextRequest("confirm", "a")).Refuse(HttpStatusCode.NotFound, Nothing);
        await AgentHarness.Eventually(() => again.Table.Count == 0, "it is forgotten");
    }

    /// <summary>A DEL that was acknowledged is done, whatever of the lease before it was on the disk.</summary>
    [Fact]
    public async Task Releases_WhatWasGivenBack_WhenTheMachineStops()
    {
        await using (var parts = Create())
        {
            await Grant(parts, "a");
            await parts.Service.Release(LeaseParts.HolderOf("a"), null);
            Save(_durable, "journal");
        }

        await using (var again = Restart())
        {
            Assert.Empty(again.Table.Requests());
            again.Start();
            (await again.NextRequest("release", "a")).Grant();
            await AgentHarness.Eventually(() => again.Table.Count == 0, "it is given back");
            Save(_durable, "journal");
        }

        // That it was confirmed is only noted: lost, the release is sent once more, before the holder gets another lease.
        await using var third = Restart();
        Assert.Equal(1, third.Table.ReleaseNumberOf(LeaseParts.HolderOf("a")));
        var acquiring = Acquire(third, "a");
        (await third.NextRequest("release", "a")).Grant();
        (await third.NextRequest("acquire", "a")).Grant();
        await acquiring;
        Save(_durable, "journal");
        await third.Stop();
        await using var last = Restart();
        Assert.Null(last.Table.ReleaseNumberOf(LeaseParts.HolderOf("a")));
        Assert.True(last.Table.IsRequested(LeaseParts.HolderOf("a")));
    }

    [Fact]
    public async Task Forgets_ARefusedRequest_ButNotOneOfWhichNobodyKnows()
    {
        const string Exhausted = """{"error":{"code":"AddressPoolExhausted","message":"all are held"}}""";
        await using var parts = Create();
        var acquiring = Acquire(parts, "a");
        (await parts.NextRequest("acquire", "a")).Refuse(HttpStatusCode.Conflict, Exhausted);
        await Assert.ThrowsAsync<ControlPlaneException>(() => acquiring);
        Assert.Equal(0, parts.Table.Count);

        acquiring = Acquire(parts, "b");
        (await parts.NextRequest("acquire", "b")).Fail();
        await Assert.ThrowsAsync<ControlPlaneException>(() => acquiring);
        // What is refused now says nothing of what was asked before.
        acquiring = Acquire(parts, "b");
        (await parts.NextRequest("acquire", "b")).Refuse(HttpStatusCode.Conflict, Exhausted);
        await Assert.ThrowsAsync<ControlPlaneException>(() => acquiring);
        Assert.True(parts.Table.IsRequested(LeaseParts.HolderOf("b")));
    }

    public void Dispose()
    {
        _disk.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Task<Outcome<PodLease>> Acquire(LeaseParts parts, string container) =>
        parts.Service.Acquire(new PodLeaseRequest(LeaseParts.HolderOf(container)));

    private static async Task Grant(LeaseParts parts, string container)
    {
        var acquiring = Acquire(parts, container);
        (await parts.NextRequest("acquire", container)).Grant();
        await acquiring;
    }

    private LeaseParts Restart()
    {
        var state = Directory.CreateDirectory(Path.Join(_folder, $"state{++_starts}")).FullName;
        foreach (var (name, content) in _saved)
            File.WriteAllBytes(Path.Join(state, name), content);
        return Create(state);
    }

    /// <summary>An agent that remembers what its journal was when it was synced last, on a disk that can be held up.</summary>
    private LeaseParts Create(string? folder = null)
    {
        var root = folder ?? Directory.CreateDirectory(Path.Join(_folder, "first")).FullName;
        return new LeaseParts(
            root,
            file =>
            {
                _disk.Wait(Limit);
                DurableFile.Sync(file);
                _syncs++;
                var path = Path.Join(root, "journal");
                if (File.Exists(path))
                    _durable = File.ReadAllBytes(path);
            }
        );
    }

    /// <summary>What a restart finds; the journal is saved before its tail.</summary>
    private void Save(byte[] content, string name)
    {
        if (name == "journal")
            _saved.Clear();
        _saved[name] = content;
    }
}
