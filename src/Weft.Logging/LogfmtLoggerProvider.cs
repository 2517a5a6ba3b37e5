using Microsoft.Extensions.Logging;

namespace Weft.Logging;

/// <summary>Has a host log by logfmt lines.</summary>
/// <param name="writer">Where the lines go; stderr in the programs.</param>
internal sealed class LogfmtLoggerProvider(TextWriter writer, TimeProvider clock, LogfmtOptions options)
    : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new LogfmtLogger(writer, clock, options, categoryName);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Every line has been written, and the writer is somebody else's.
    }
}
