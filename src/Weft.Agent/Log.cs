using System.Globalization;
using System.Text;

namespace Weft.Agent;

/// <summary>
/// One short line per event: time, level, event, then <c>key=value</c>. No secret is ever passed to it: neither token
/// nor credential is a value of any call.
/// </summary>
/// <param name="writer">Where the lines go; stderr in the program.</param>
internal sealed class Log(TextWriter writer, TimeProvider clock)
{
    private readonly Lock _line = new();

    /// <summary>Something that a person following the agent wants to see.</summary>
    public void Info(string happened, params ReadOnlySpan<(string Key, object? Value)> pairs) =>
        Write("info", happened, null, pairs);

    /// <summary>Something that the agent goes on after, but that somebody may have to fix.</summary>
    /// <param name="error">The exception survived, if there is one.</param>
    public void Warn(string happened, Exception? error, params ReadOnlySpan<(string Key, object? Value)> pairs) =>
        Write("warn", happened, error, pairs);

    /// <summary>Something that stops a part of the agent's work until it is fixed, or a fault of ours.</summary>
    public void Error(string happened, Exception error, params ReadOnlySpan<(string Key, object? Value)> pairs) =>
        Write("error", happened, error, pairs);

    private void Write(string level, string happened, Exception? error, ReadOnlySpan<(string Key, object? Value)> pairs)
    {
        var line = new StringBuilder(160);
        line.Append(clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        line.Append(' ').Append(level).Append(' ').Append(happened);
        foreach (var (key, value) in pairs)
        {
            if (value is not null)
                Append(line, key, Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        }

        if (error is not null)
            Append(line, "error", Describe(error));
        lock (_line)
        {
            writer.WriteLine(line.ToString());
            writer.Flush();
        }
    }

    // What we foresee is one sentence; what we don't foresee needs all there is.
    private static string Describe(Exception error) =>
        error switch
        {
            ControlPlane.ControlPlaneException or StartupException => error.Message,
            IOException or UnauthorizedAccessException or System.Net.Sockets.SocketException =>
                $"{error.GetType().Name}: {error.Message}",
            _ => error.ToString(),
        };

    private static void Append(StringBuilder line, string key, string value)
    {
        line.Append(' ').Append(key).Append('=');
        if (value.Length > 0 && value.All(c => c is > ' ' and < (char)127 and not '"' and not '='))
        {
            line.Append(value);
            return;
        }

        line.Append('"');
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' or '\\' => line.Append('\\').Append(c),
                '\n' => line.Append("\\n"),
                _ when char.IsControl(c) => line.Append(' '),
                _ => line.Append(c),
            };
        }

        line.Append('"');
    }
}
