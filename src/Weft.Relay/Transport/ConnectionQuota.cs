using System.Net;
using Microsoft.Extensions.Logging;

namespace Weft.Relay.Transport;

/// <summary>How many connections a port may have.</summary>
/// <param name="Total">In all.</param>
/// <param name="PerSource">Of one source: an IPv4 address, or an IPv6 network of 64 bits.</param>
internal sealed record ConnectionLimits(int Total, int PerSource)
{
    /// <summary>No bound but the process's own.</summary>
    public static readonly ConnectionLimits None = new(int.MaxValue, int.MaxValue);
}

/// <summary>
/// Bounds the connections of a port, so that whoever reaches it can use up neither the process's descriptors nor the
/// places of all others. Those beyond are closed at once, and counted: there may be very many, so a line of the log
/// stands for all of some seconds.
/// </summary>
internal sealed partial class ConnectionQuota : IDisposable
{
    /// <summary>How often those that were refused are logged.</summary>
    public static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _sources = [];
    private readonly string _port;
    private readonly ConnectionLimits _limits;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private int _total;
    private long _refusedInAll;
    private long _refusedOfSource;
    private IPAddress? _lastSource;

    /// <summary>Makes one.</summary>
    /// <param name="port">What the log calls the port.</param>
    public ConnectionQuota(string port, ConnectionLimits limits, TimeProvider time, ILogger log)
    {
        (_port, _limits, _log) = (port, limits, log);
        _timer = time.CreateTimer(static q => ((ConnectionQuota)q!).LogRefused(), this, LogInterval, LogInterval);
    }

    /// <summary>How many connections there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _total;
        }
    }

    /// <summary>Takes a place for a connection whose source isn't known yet.</summary>
    /// <returns>The place; null where all are taken, and the connection is to be closed.</returns>
    public ConnectionPlace? Enter()
    {
        lock (_lock)
        {
            if (_total >= _limits.Total)
            {
                _refusedInAll++;
                return null;
            }

            _total++;
            return new(this);
        }
    }

    /// <summary>Takes a place for a connection.</summary>
    /// <param name="source">Where it comes from.</param>
    /// <returns>The place; null where all are taken, or all of that source.</returns>
    public ConnectionPlace? Enter(IPAddress source)
    {
        var place = Enter();
        if (place is null || place.TryAssign(source))
            return place;
        place.Dispose();
        return null;
    }

    public void Dispose()
    {
        _timer.Dispose();
        LogRefused();
    }

    internal bool TryAssign(IPAddress source)
    {
        lock (_lock)
        {
            var count = _sources.GetValueOrDefault(source);
            if (count >= _limits.PerSource)
            {
                _refusedOfSource++;
                _lastSource = source;
                return false;
            }

            _sources[source] = count + 1;
            return true;
        }
    }

    internal void Leave(IPAddress? source)
    {
        lock (_lock)
        {
            _total--;
            if (source is not null && --_sources[source] == 0)
                _sources.Remove(source);
        }
    }

    private void LogRefused()
    {
        long inAll;
        long ofSource;
        IPAddress? last;
        lock (_lock)
        {
            (inAll, ofSource, last) = (_refusedInAll, _refusedOfSource, _lastSource);
            (_refusedInAll, _refusedOfSource) = (0, 0);
        }

        if (inAll > 0)
            RefusedInAll(_log, _port, inAll, _limits.Total);
        if (ofSource > 0)
            RefusedOfSource(_log, _port, ofSource, _limits.PerSource, last);
    }

    [LoggerMessage(
        1421,
        LogLevel.Warning,
        "{Port}: {Count} connections were closed at once, because there are {Limit} already (docs/specs/limits.md)"
    )]
    private static partial void RefusedInAll(ILogger log, string port, long count, int limit);

    [LoggerMessage(
        1422,
        LogLevel.Warning,
        "{Port}: {Count} connections were closed at once, because their source has {Limit} already, the last from {Source} "
            + "(docs/specs/limits.md)"
    )]
    private static partial void RefusedOfSource(ILogger log, string port, long count, int limit, IPAddress? source);
}

/// <summary>The place of a connection. It is free again when this is disposed of.</summary>
internal sealed class ConnectionPlace(ConnectionQuota quota) : IDisposable
{
    private IPAddress? _source;
    private int _isFree;

    /// <summary>Counts the connection as one of a source, once that is known.</summary>
    /// <returns>False where the source has as many as it may.</returns>
    public bool TryAssign(IPAddress source)
    {
        var key = AddressNormalizer.SourceOf(source);
        if (!quota.TryAssign(key))
            return false;
        _source = key;
        return true;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isFree, 1) == 0)
            quota.Leave(_source);
    }
}
