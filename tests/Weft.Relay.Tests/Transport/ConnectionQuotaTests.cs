using System.Net;
using Microsoft.Extensions.Time.Testing;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Transport;

public sealed class ConnectionQuotaTests : IDisposable
{
    private readonly RecordingLog _log = new();
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void Bounds_AllAndEachSource()
    {
        using var quota = new ConnectionQuota("port", new(4, 2), _clock, _log);
        var one = Enter(quota, "10.0.0.1")!;
        Assert.NotNull(Enter(quota, "10.0.0.1"));
        Assert.Null(Enter(quota, "::ffff:10.0.0.1"));
        Assert.NotNull(Enter(quota, "10.0.0.2"));
        var six = Enter(quota, "2001:db8::1")!;
        Assert.Null(Enter(quota, "10.0.0.3"));
        Assert.Null(quota.Enter());
        Assert.Equal(4, quota.Count);

        one.Dispose();
        one.Dispose();
        Assert.Equal(3, quota.Count);
        Assert.NotNull(Enter(quota, "10.0.0.1"));
        six.Dispose();
        Assert.Equal(3, quota.Count);
    }

    [Fact]
    public void Counts_ANetworkOf64Bits_AsOneSource()
    {
        using var quota = new ConnectionQuota("port", new(10, 1), _clock, _log);
        Assert.NotNull(Enter(quota, "2001:db8::1"));
        Assert.Null(Enter(quota, "2001:db8::ffff:1"));
        Assert.NotNull(Enter(quota, "2001:db8:0:1::1"));
    }

    /// <summary>One line for all of an interval, and none where nobody was refused.</summary>
    [Fact]
    public void Logs_HowManyWereRefused()
    {
        using var quota = new ConnectionQuota("port", new(2, 1), _clock, _log);
        using var place = Enter(quota, "10.0.0.1")!;
        for (var i = 0; i < 1000; i++)
            Assert.Null(Enter(quota, "10.0.0.1"));
        using var other = Enter(quota, "10.0.0.2")!;
        for (var i = 0; i < 500; i++)
            Assert.Null(Enter(quota, $"10.0.1.{i % 200}"));
        Assert.Empty(_log.Lines);
        for (var i = 0; i < 5; i++)
            _clock.Advance(ConnectionQuota.LogInterval);
        Assert.Equal(2, _log.Lines.Count);
        Assert.Contains("port: 500 connections", _log.Lines.First(), StringComparison.Ordinal);
        Assert.Contains("port: 1000 connections", _log.Lines.Last(), StringComparison.Ordinal);
        Assert.Contains("10.0.0.1", _log.Lines.Last(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Max open files            600                  4096                 files     ", 600)]
    [InlineData("Max open files            unlimited            unlimited            files     ", int.MaxValue)]
    [InlineData("Max open files            9223372036854775807  9223372036854775807  files     ", int.MaxValue)]
    [InlineData("Max processes             600                  4096                 processes ", int.MaxValue)]
    [InlineData("Max open files", int.MaxValue)]
    [InlineData("", int.MaxValue)]
    public void Reads_HowManyDescriptorsThereMayBe(string line, int limit)
    {
        Assert.Equal(limit, DescriptorLimit.Parse($"Limit                     Soft Limit\n{line}\n"));
        Assert.InRange(DescriptorLimit.Read(), 1, int.MaxValue);
    }

    public void Dispose() => _log.Dispose();

    private static ConnectionPlace? Enter(ConnectionQuota quota, string source) => quota.Enter(IPAddress.Parse(source));
}
