using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Weft.Contracts;

namespace Weft.Server.Audit;

/// <summary>
/// Sends records to a syslog daemon by RFC 5424, a datagram each. It never waits: what the socket doesn't take at once
/// is lost there and counted.
/// </summary>
internal sealed partial class SyslogWriter(EndPoint endpoint, TimeProvider time, ILogger<SyslogWriter> logger)
    : IDisposable
{
    /// <summary>RFC 5424, section 6.2.1: 13 is "log audit".</summary>
    private const int Facility = 13;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMinutes(1);

    /// <summary>RFC 5424, section 6: printable ASCII, 255 characters at most; a dash where there is none.</summary>
    private static readonly string HostName =
        Environment.MachineName is { Length: > 0 and <= 255 } name && name.All(c => c is > ' ' and < (char)127)
            ? name
            : "-";

    private Socket? _socket;
    private long _lost;
    private DateTimeOffset? _reported;

    /// <summary>Sends a record.</summary>
    /// <param name="line">The record as the file has it.</param>
    public void Send(AuditRecord record, ReadOnlySpan<byte> line)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"<{(Facility * 8) + SeverityOf(record)}>1 {record.Time} {HostName} weftd {Environment.ProcessId} {record.Verb} - "
        );
        byte[] datagram = [.. Encoding.ASCII.GetBytes(head), .. line];
        // A daemon that was started anew has another socket of the same name.
        if (!TrySend(datagram) && !TrySend(datagram))
            _lost++;
        Report();
    }

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private static int SeverityOf(AuditRecord record) =>
        record.Result switch
        {
            AuditResult.Succeeded => 5,
            AuditResult.Failed => 3,
            _ => 4,
        };

    private bool TrySend(byte[] datagram)
    {
        try
        {
            _socket ??= Connect();
            return _socket.Send(datagram, SocketFlags.None) == datagram.Length;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            return false;
        }
        catch (SocketException)
        {
            _socket?.Dispose();
            _socket = null;
            return false;
        }
    }

    private Socket Connect()
    {
        var socket =
            endpoint is UnixDomainSocketEndPoint
                ? new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
                : new Socket(SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Connect(endpoint);
            socket.Blocking = false;
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    private void Report()
    {
        var now = time.GetUtcNow();
        if (_lost == 0 || now - _reported < ReportInterval)
            return;
        Log.AuditSyslogLost(logger, $"{endpoint}", _lost);
        (_lost, _reported) = (0, now);
    }

    private static partial class Log
    {
        [LoggerMessage(1611, LogLevel.Warning, "")]
        public static partial void AuditSyslogLost(ILogger logger, string endpoint, long lines);
    }
}
