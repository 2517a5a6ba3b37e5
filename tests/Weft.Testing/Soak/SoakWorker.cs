using System.Diagnostics;
using System.Net.Sockets;

namespace Weft.Testing.Soak;

/// <summary>
/// One runtime of pods: takes addresses and gives them back, one call after another, and asks again for as long as it gets no answer.
/// </summary>
/// <param name="networks">The ids of the networks that its pods are in.</param>
/// <param name="read">Tells who holds an address of a network; null where nobody does.</param>
internal sealed class SoakWorker(
    int number,
    ILeaseClient client,
    LeaseHistory history,
    string[] networks,
    Func<string, string, Task<string?>> read
)
{
    /// <summary>Who gets no answer for so long is told nothing any more: something is broken.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private const int MostHeld = 24;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private readonly Random _random = new(number);
    private readonly Dictionary<(string Network, string Container), string[]> _held = [];
    private readonly List<(string Network, string Address)> _seen = [];
    private int _next;

    /// <summary>What it holds, as it was told.</summary>
    public IEnumerable<(string Network, string Container, string Address)> Held =>
        _held.SelectMany(pair => pair.Value.Select(address => (pair.Key.Network, pair.Key.Container, address)));

    /// <summary>Works, and ends between two calls.</summary>
    public async Task Work(CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var chance = _random.Next(20);
            if (chance == 0 && _seen.Count > 0)
                await Read(_seen[_random.Next(_seen.Count)]);
            else if (chance == 1 && _held.Count > 0)
                await Acquire(_held.Keys.ElementAt(_random.Next(_held.Count)));
            else if (_held.Count >= MostHeld || (_held.Count > 0 && chance < 10))
                await Release(_held.Keys.ElementAt(_random.Next(_held.Count)));
            else
                await Acquire((networks[_random.Next(networks.Length)], $"s{number}-{_next++}"));
        }
    }

    private async Task Acquire((string Network, string Container) pod)
    {
        var began = LeaseHistory.Now;
        var answer = await Insist(() => client.Acquire(pod.Network, pod.Container), pod);
        if (answer is null)
            return;
        var before = _held.GetValueOrDefault(pod);
        if (answer.IsExhausted)
        {
            if (before is not null)
                history.Find($"{pod.Container} holds {string.Join(' ', before)} and was told: {answer.Refusal}");
            history.Exhausted(pod.Network, began);
            return;
        }

        if (before is not null && !before.SequenceEqual(answer.Addresses))
            history.Find(
                $"{pod.Container} held {string.Join(' ', before)} and was given {string.Join(' ', answer.Addresses)}"
            );
        if (answer.Addresses.Length != 2)
            history.Find($"{pod.Container} was given {answer.Addresses.Length} addresses of two families");
        history.Acquired(pod.Network, pod.Container, answer.Addresses, began, client.IsKnownAtOnce(pod.Network));
        _held[pod] = answer.Addresses;
        Remember(pod.Network, answer.Addresses[0]);
    }

    private async Task Release((string Network, string Container) pod)
    {
        var began = LeaseHistory.Now;
        if (await Insist(() => client.Release(pod.Network, pod.Container), pod) is null)
            return;
        _ = _held.Remove(pod, out var addresses);
        history.Released(pod.Network, pod.Container, addresses!, began, client.FreesAtOnce);
    }

    private async Task Read((string Network, string Address) which)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < Patience)
        {
            try
            {
                // A read that wasn't answered says nothing: the next one is another.
                var began = LeaseHistory.Now;
                var holder = await read(which.Network, which.Address);
                history.Read(which.Network, which.Address, holder, began);
                return;
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                await Task.Delay(Pause);
            }
        }

        history.Find($"nobody said for {Patience} who holds {which.Address}");
    }

    /// <summary>Asks until there is an answer that means something.</summary>
    private async Task<LeaseAnswer?> Insist(Func<Task<LeaseAnswer>> ask, (string Network, string Container) pod)
    {
        var watch = Stopwatch.StartNew();
        var last = "";
        while (watch.Elapsed < Patience)
        {
            try
            {
                var answer = await ask();
                if (answer.Refusal is null || answer.IsExhausted)
                    return answer;
                last = answer.Refusal;
            }
            catch (Exception e) when (e is IOException or HttpRequestException or SocketException)
            {
                last = e.Message;
            }

            await Task.Delay(Pause);
        }

        history.Find($"{pod.Container} had no answer for {Patience}: {last}");
        return null;
    }

    /// <summary>Addresses to ask about: some of the last, whoever has them now.</summary>
    private void Remember(string network, string address)
    {
        if (_seen.Count < MostHeld)
            _seen.Add((network, address));
        else
            _seen[_random.Next(_seen.Count)] = (network, address);
    }
}
