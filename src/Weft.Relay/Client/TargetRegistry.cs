using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Weft.Relay.Client;

/// <summary>Where a listener leads senders who ask for a name.</summary>
/// <param name="Host">A host name or an address, without brackets.</param>
internal sealed record Target(string Name, string Host, int Port)
{
    /// <summary>Name and place.</summary>
    /// <returns>For example <c>ssh (127.0.0.1:22)</c>.</returns>
    public override string ToString() => $"{Name} ({Host}:{Port})";
}

/// <summary>
/// The targets of a listener, by name. They are fixed by the listener's own configuration: a sender can choose a name,
/// and never an address or a port.
/// </summary>
internal sealed class TargetRegistry
{
    /// <summary>How long a target has to take a connection; a sender waits 30 s in all.</summary>
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(10);

    private readonly ImmutableSortedDictionary<string, Target> _targets;
    private readonly bool _allowsLinkLocal;

    private TargetRegistry(ImmutableSortedDictionary<string, Target> targets, bool allowsLinkLocal) =>
        (_targets, _allowsLinkLocal) = (targets, allowsLinkLocal);

    /// <summary>The targets, by name.</summary>
    public IEnumerable<Target> Targets => _targets.Values;

    /// <summary>Reads the targets of a configuration.</summary>
    /// <param name="places">Places by name, for example <c>ssh</c> and <c>127.0.0.1:22</c>. A name is made of at most
    /// 63 lower-case letters, digits and hyphens.</param>
    /// <param name="allowsLinkLocal">Whether addresses of the link itself and of clouds' metadata services may be
    /// named. Default false.</param>
    public static bool TryCreate(
        IEnumerable<KeyValuePair<string, string>> places,
        bool allowsLinkLocal,
        [NotNullWhen(true)] out TargetRegistry? registry,
        out ImmutableArray<string> faults
    )
    {
        var targets = ImmutableSortedDictionary.CreateBuilder<string, Target>(StringComparer.Ordinal);
        var wrong = ImmutableArray.CreateBuilder<string>();
        foreach (var (name, place) in places)
        {
            var (target, fault) = ParseTarget(name, place, allowsLinkLocal);
            if (target is not null && !targets.TryAdd(name, target))
                fault = $"target '{name}' is named twice";
            if (fault is not null)
                wrong.Add(fault);
        }

        faults = wrong.ToImmutable();
        registry = faults.IsEmpty ? new(targets.ToImmutable(), allowsLinkLocal) : null;
        return registry is not null;
    }

    /// <summary>Finds the target that a sender asks for.</summary>
    /// <param name="suffix">What the sender asked for; empty for the only one there is.</param>
    /// <param name="refusal">The status and the words for the sender.</param>
    public bool TryFind(string suffix, [NotNullWhen(true)] out Target? target, out (int Status, string Phrase) refusal)
    {
        refusal = default;
        if (suffix.Length == 0 && _targets.Count == 1)
            target = _targets.Values.Single();
        else if (!_targets.TryGetValue(suffix, out target))
            refusal = DescribeUnknown(suffix);
        return target is not null;
    }

    /// <summary>
    /// Connects to a target. A host name is looked up now, and may not lead to an address that may not be configured.
    /// </summary>
    /// <exception cref="IOException">It doesn't answer, or its name leads where it mustn't.</exception>
    public async Task<Socket> ConnectAsync(Target target, CancellationToken cancel = default)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(DialTimeout);
        try
        {
            var addresses = await Resolve(target, deadline.Token).ConfigureAwait(false);
            return await Dial(addresses, target.Port, deadline.Token).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new IOException($"{target}: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new IOException($"{target} took no connection within {DialTimeout.TotalSeconds:0} s.", e);
        }
    }

    /// <summary>
    /// Serves a sender whole: finds the target, connects to it, lets the sender in, and joins both until they have
    /// ended. For <see cref="ListenerOptions.OnSender"/>.
    /// </summary>
    public async Task ServeAsync(IncomingSender sender, CancellationToken cancel)
    {
        if (!TryFind(sender.Suffix, out var target, out var refusal))
        {
            await sender.RejectAsync(refusal.Status, refusal.Phrase, cancel).ConfigureAwait(false);
            return;
        }

        Socket socket;
        try
        {
            socket = await ConnectAsync(target, cancel).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Where it is and why it doesn't answer is for the listener's log alone.
            await sender
                .RejectAsync(502, $"service '{target.Name}' doesn't answer behind the listener", cancel)
                .ConfigureAwait(false);
            throw;
        }

        using (socket)
        {
            var stream = await sender.AcceptAsync(null, cancel).ConfigureAwait(false);
            var result = await StreamBridge.RunAsync(stream, socket, cancel).ConfigureAwait(false);
            if (result.Fault is { } fault)
                throw new IOException(fault.Message, fault);
        }
    }

    /// <summary>The addresses of a target that senders may be led to; at least one.</summary>
    private async Task<IPAddress[]> Resolve(Target target, CancellationToken cancel)
    {
        var found = IPAddress.TryParse(target.Host, out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(target.Host, cancel).ConfigureAwait(false);
        var good = found.Where(address => TargetAddressRules.Check(address, _allowsLinkLocal) is null).ToArray();
        if (good.Length > 0)
            return good;
        throw new IOException(
            found.Length == 0
                ? $"{target} has no address."
                : $"{target}: {TargetAddressRules.Check(found[0], _allowsLinkLocal)}."
        );
    }

    private static async Task<Socket> Dial(IPAddress[] addresses, int port, CancellationToken cancel)
    {
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(addresses[i], port), cancel).ConfigureAwait(false);
                return socket;
            }
            catch (SocketException) when (i + 1 < addresses.Length)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static (Target? Target, string? Fault) ParseTarget(string name, string place, bool allowsLinkLocal)
    {
        if (!IsTargetName(name))
            return (null, $"target '{name}': a name is made of at most 63 lower-case letters, digits and hyphens");
        if (TargetAddressRules.SplitHostPort(place) is not var (host, port))
            return (null, $"target '{name}': '{place}' isn't HOST:PORT");
        var address = TargetAddressRules.ParseHost(host, out var fault);
        fault ??= address is null ? null : TargetAddressRules.Check(address, allowsLinkLocal);
        return fault is null ? (new(name, host, port), null) : (null, $"target '{name}': {fault}");
    }

    private static (int Status, string Phrase) DescribeUnknown(string suffix)
    {
        if (suffix.Length == 0)
            return (404, "the listener has more than one service: say which one");
        return IsTargetName(suffix) && !suffix.All(char.IsAsciiDigit)
            ? (404, $"the listener has no service '{suffix}'")
            : (403, "a service is asked for by its name, never by an address or a URL");
    }

    private static bool IsTargetName(string text) =>
        text.Length is > 0 and <= 63
        && text[0] != '-'
        && text[^1] != '-'
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
