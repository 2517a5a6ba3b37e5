using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Weft.Contracts;
using Weft.Server.Audit;

namespace Weft.Tests.Server.Audit;

/// <summary>Records at a syslog daemon: RFC 5424 over a real socket.</summary>
public sealed class SyslogWriterTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-syslog-");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero));
    private readonly RecordingLog _log = new();

    private string SocketPath => Path.Join(_directory.FullName, "log");

    public void Dispose() => _directory.Delete(true);

    [Theory]
    [InlineData(AuditResult.Succeeded, 13 * 8 + 5)]
    [InlineData(AuditResult.Refused, 13 * 8 + 4)]
    [InlineData(AuditResult.Failed, 13 * 8 + 3)]
    public void Sends_Rfc5424_ToAUnixDatagramSocket(object result, int priority)
    {
        using var daemon = Listen();
        using var writer = NewWriter(new UnixDomainSocketEndPoint(SocketPath));
        var record = Record with { Result = (AuditResult)result };
        writer.Send(record, record.ToBytes());
        // A daemon that is started anew is found again.
        daemon.Dispose();
        File.Delete(SocketPath);
        using var next = Listen();
        // A process that another test starts has the old socket too until it has become another program, and what is sent
        // to that is lost: a daemon's datagrams are.
        do writer.Send(record, record.ToBytes());
        while (!next.Poll(TimeSpan.FromMilliseconds(100), SelectMode.SelectRead));

        var message = Receive(next);
        Assert.Matches(
            @$"^<{priority}>1 2026-11-22T10:00:00\.000Z [!-~]{{1,255}} weftd {Environment.ProcessId} PUT - \{{",
            message
        );
        Assert.Equal(
            record,
            AuditRecord.Read(Encoding.UTF8.GetBytes(message[message.IndexOf('{', StringComparison.Ordinal)..]))
        );
    }

    [Fact]
    public void Sends_ByUdp()
    {
        using var daemon = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        daemon.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var writer = NewWriter(daemon.LocalEndPoint!);
        writer.Send(Record, Record.ToBytes());
        Assert.EndsWith(Encoding.UTF8.GetString(Record.ToBytes()), Receive(daemon), StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_WhatNobodyTakes_AndGoesOn()
    {
        using var writer = NewWriter(new UnixDomainSocketEndPoint(SocketPath));
        for (var i = 0; i < 3; i++)
            writer.Send(Record, Record.ToBytes());
        _clock.Advance(TimeSpan.FromMinutes(1));
        writer.Send(Record, Record.ToBytes());
        Assert.Equal(2, _log.Lines.Count);
        using var daemon = Listen();
        writer.Send(Record, Record.ToBytes());
        Assert.StartsWith("<", Receive(daemon), StringComparison.Ordinal);
    }

    private AuditRecord Record =>
        new(AuditRecord.Format(_clock.GetUtcNow()), 7, "PUT", "ann", AuditCallerType.Principal) { Id = "/\u202e" };

    private Socket Listen()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    private static string Receive(Socket socket)
    {
        socket.ReceiveTimeout = 20_000;
        var bytes = new byte[64 * 1024];
        return Encoding.UTF8.GetString(bytes, 0, socket.Receive(bytes));
    }

    private SyslogWriter NewWriter(EndPoint endpoint) =>
        new(endpoint, _clock, new Logger<SyslogWriter>(new LoggerFactory([_log])));
}
