using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Weft.Logging;

namespace Weft.Tests.Logging;

/// <summary>The one form of a log line. Contract: docs/specs/logging.md.</summary>
public sealed partial class LogfmtLoggerTests : IDisposable
{
    private const string Time = "2026-11-29T01:30:31.482Z";

    private readonly StringWriter _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Writes_TimeLevelEventAndPairs()
    {
        Events.AddressGiven(NewLogger(), "10.20.6.17", null, 3, TimeSpan.FromSeconds(30), 0.5);
        Assert.Equal(
            $"{Time} warn address-given address=10.20.6.17 in=3 rollback-after=00:00:30 seconds=0.5\n",
            Written
        );
    }

    [Theory]
    [InlineData("", "\"\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("a=b", "\"a=b\"")]
    [InlineData("say \"a\"", "\"say \\\"a\\\"\"")]
    [InlineData("c:\\d e", "\"c:\\\\d e\"")]
    [InlineData("two\nlines", "\"two\\nlines\"")]
    [InlineData("bell\a", "\"bell \"")]
    [InlineData("größe", "\"größe\"")]
    [InlineData("a\u202eb\u2028", "\"a\\u202Eb\\u2028\"")]
    [InlineData("plain\\", "plain\\")]
    public void Quotes_WhatWouldBreakALine(string value, string written)
    {
        Events.PodSeen(NewLogger(), value);
        Assert.Equal($"{Time} info pod-seen pod={written}\n", Written);
    }

    [Fact]
    public void Tells_AFaultByItsMessage_WhereItWasForeseen()
    {
        var logger = NewLogger(isForeseen: error => error is TimeoutException);
        Events.Failed(logger, new TimeoutException("too late"));
        Events.Failed(logger, new FileNotFoundException("no such file"));
        Events.Failed(logger, new InvalidOperationException("a fault of ours"));
        Assert.Equal(
            $"{Time} error failed error=\"too late\"\n"
                + $"{Time} error failed error=\"FileNotFoundException: no such file\"\n"
                + $"{Time} error failed error=\"System.InvalidOperationException: a fault of ours\"\n",
            Written
        );
    }

    [Fact]
    public void Names_TheLibraryThatTells_AndWhatItSays()
    {
        var logger = NewLogger("Microsoft.AspNetCore.Server.Kestrel");
        logger.LogWarning(new EventId(1, "ConnectionReset"), "{ConnectionId} was reset", "0HM1");
        logger.LogWarning("no name");
        Assert.Equal(
            $"{Time} warn connection-reset logger=Microsoft.AspNetCore.Server.Kestrel message=\"0HM1 was reset\" connectionId=0HM1\n"
                + $"{Time} warn log logger=Microsoft.AspNetCore.Server.Kestrel message=\"no name\"\n",
            Written
        );
    }

    [Fact]
    public void Leaves_OutWhatIsBelowItsLevel()
    {
        var logger = NewLogger(level: LogLevel.Warning);
        Events.PodSeen(logger, "upf-0");
        Events.Failed(logger, new IOException("full"));
        Assert.Equal($"{Time} error failed error=\"IOException: full\"\n", Written);
    }

    [Fact]
    public void Logs_WhatAHostTellsIt()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 29, 1, 30, 31, 482, TimeSpan.Zero));
        var options = new LogfmtOptions(LogLevel.Information, _ => false);
        using var loggers = LoggerFactory.Create(logging =>
            logging.AddProvider(new LogfmtLoggerProvider(_output, clock, options))
        );
        Events.PodSeen(loggers.CreateLogger<LogfmtLoggerTests>(), "upf-0");
        Assert.Equal($"{Time} info pod-seen pod=upf-0\n", Written);
    }

    [Theory]
    [InlineData("trace", LogLevel.Trace)]
    [InlineData("debug", LogLevel.Debug)]
    [InlineData("info", LogLevel.Information)]
    [InlineData("warn", LogLevel.Warning)]
    [InlineData("error", LogLevel.Error)]
    [InlineData("Error", null)]
    [InlineData("2", null)]
    [InlineData("", null)]
    public void Reads_TheWordsThatLinesHave(string word, LogLevel? level) =>
        Assert.Equal(level, LogLevelNames.Parse(word));

    private string Written => _output.ToString();

    private LogfmtLogger NewLogger(
        string category = "Weft.Tests",
        Func<Exception, bool>? isForeseen = null,
        LogLevel level = LogLevel.Trace
    )
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 29, 1, 30, 31, 482, TimeSpan.Zero));
        return new LogfmtLogger(_output, clock, new LogfmtOptions(level, isForeseen ?? (_ => false)), category);
    }

    private static partial class Events
    {
        [LoggerMessage(1, LogLevel.Warning, "")]
        public static partial void AddressGiven(
            ILogger log,
            string address,
            string? pod,
            int @in,
            TimeSpan rollback_after,
            double seconds
        );

        [LoggerMessage(2, LogLevel.Information, "")]
        public static partial void PodSeen(ILogger log, string pod);

        [LoggerMessage(3, LogLevel.Error, "")]
        public static partial void Failed(ILogger log, Exception error);
    }
}
