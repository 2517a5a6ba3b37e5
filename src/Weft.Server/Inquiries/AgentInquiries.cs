using System.Collections.Concurrent;
using System.Collections.Immutable;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Resources;

namespace Weft.Server.Inquiries;

/// <summary>
/// Questions of weftd's to agents that are under way: kept in memory, and asked anew by whoever still wants to know after a
/// restart. An agent that doesn't answer leaves its question open; nothing is concluded from that.
/// </summary>
internal sealed class AgentInquiries(TimeProvider time)
{
    /// <summary>The most questions that wait for one agent: whoever asks more is told nothing.</summary>
    private const int MaxPerAgent = 32;

    /// <summary>
    /// How long an agent still counts as listening after its last poll: between two of them it handles what came.
    /// </summary>
    private static readonly TimeSpan Presence = TimeSpan.FromSeconds(90);

    private readonly ConcurrentDictionary<string, Mailbox> _mailboxes = new(StringComparer.Ordinal);

    /// <summary>Asks an agent.</summary>
    /// <param name="patience">How long it may take.</param>
    /// <returns>The answer; null where the agent doesn't listen, or hasn't answered in time.</returns>
    public async Task<InquiryReport?> Ask(
        ResourceId agent,
        IReadOnlyList<PodReference> pods,
        IReadOnlyList<InquiredHolder> holders,
        InquiryRelease release,
        TimeSpan patience,
        CancellationToken cancel
    )
    {
        return await Ask(agent, new AgentInquiry(NewName(), pods, holders, release), patience, cancel);
    }

    /// <summary>Asks an agent for what is free in its blocks of a network.</summary>
    /// <returns>Whether it has given it back; false also where it doesn't listen, or hasn't answered in time.</returns>
    public async Task<bool> Recall(ResourceId agent, BlockRecall recall, TimeSpan patience, CancellationToken cancel) =>
        await Ask(agent, new AgentInquiry(NewName(), [], [], Blocks: recall), patience, cancel) is { Returned: true };

    private static string NewName() => Guid.NewGuid().ToString("N");

    private async Task<InquiryReport?> Ask(
        ResourceId agent,
        AgentInquiry inquiry,
        TimeSpan patience,
        CancellationToken cancel
    )
    {
        if (!_mailboxes.TryGetValue(agent.Key, out var mailbox) || mailbox.Put(inquiry, time) is not { } answer)
            return null;
        try
        {
            return await answer.WaitAsync(patience, time, cancel);
        }
        catch (TimeoutException)
        {
            return null;
        }
        finally
        {
            mailbox.Remove(inquiry.Id);
        }
    }

    /// <summary>Waits until an agent is asked something, or the time is over.</summary>
    /// <returns>What it hasn't answered yet.</returns>
    public async Task<ImmutableArray<AgentInquiry>> Next(ResourceId agent, CancellationToken over)
    {
        var mailbox = _mailboxes.GetOrAdd(agent.Key, _ => new Mailbox());
        mailbox.BeginListening();
        try
        {
            while (true)
            {
                // First what is waited behind, then the look: a question between the two ends the wait at once.
                var changed = mailbox.Changed;
                var open = mailbox.Open;
                if (!open.IsEmpty || over.IsCancellationRequested)
                    return open;
                await Task.WhenAny(changed, Task.Delay(Timeout.Infinite, over)).ConfigureAwait(false);
            }
        }
        finally
        {
            mailbox.EndListening(time.GetTimestamp());
        }
    }

    /// <summary>Whether an agent waits for questions, or has just got some.</summary>
    public bool IsListening(ResourceId agent) =>
        _mailboxes.TryGetValue(agent.Key, out var mailbox) && mailbox.IsListening(time);

    /// <summary>Takes an agent's answer in; one that nobody waits for is dropped.</summary>
    public void Answer(ResourceId agent, string id, InquiryReport report)
    {
        if (_mailboxes.TryGetValue(agent.Key, out var mailbox))
            mailbox.Answer(id, report);
    }

    /// <summary>Forgets agents that are gone.</summary>
    public void Sweep(StoreState state)
    {
        foreach (var agent in _mailboxes.Keys)
        {
            if (state.Get($"{StoreKey.PartitionOf(Agent.ResourceType)}|{agent}") is null)
                _mailboxes.TryRemove(agent, out _);
        }
    }

    /// <summary>What one agent is asked.</summary>
    private sealed class Mailbox
    {
        private readonly Lock _guard = new();
        private readonly List<(AgentInquiry Inquiry, TaskCompletionSource<InquiryReport> Answer)> _open = [];
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _polls;
        private long? _lastHeard;

        public ImmutableArray<AgentInquiry> Open
        {
            get
            {
                lock (_guard)
                    return [.. _open.Select(item => item.Inquiry)];
            }
        }

        /// <summary>Done when the agent is asked something more.</summary>
        public Task Changed
        {
            get
            {
                lock (_guard)
                    return _changed.Task;
            }
        }

        public void BeginListening()
        {
            lock (_guard)
                _polls++;
        }

        public void EndListening(long now)
        {
            lock (_guard)
            {
                _polls--;
                _lastHeard = now;
            }
        }

        public bool IsListening(TimeProvider time)
        {
            lock (_guard)
                return _polls > 0 || (_lastHeard is { } heard && time.GetElapsedTime(heard) <= Presence);
        }

        /// <summary>Asks.</summary>
        /// <returns>The answer to come; null where the agent doesn't listen, or is asked too much already.</returns>
        public Task<InquiryReport>? Put(AgentInquiry inquiry, TimeProvider time)
        {
            lock (_guard)
            {
                if (!IsListening(time) || _open.Count >= MaxPerAgent)
                    return null;
                var answer = new TaskCompletionSource<InquiryReport>(
                    TaskCreationOptions.RunContinuationsAsynchronously
                );
                _open.Add((inquiry, answer));
                var changed = _changed;
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                changed.SetResult();
                return answer.Task;
            }
        }

        public void Answer(string id, InquiryReport report)
        {
            lock (_guard)
            {
                var at = _open.FindIndex(item => item.Inquiry.Id == id);
                if (at < 0)
                    return;
                var (inquiry, answer) = _open[at];
                _open.RemoveAt(at);
                // An answer that isn't one to each that was asked about can't be told which it is about.
                if (report.Pods.Count == inquiry.Pods.Count && report.Holders.Count == inquiry.Holders.Count)
                    answer.TrySetResult(report);
            }
        }

        public void Remove(string id)
        {
            lock (_guard)
                _open.RemoveAll(item => item.Inquiry.Id == id);
        }
    }
}
