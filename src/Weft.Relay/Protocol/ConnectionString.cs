using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Weft.Relay.Protocol;

/// <summary>
/// Where a hybrid connection is and by which right it is used, in one line:
/// <c>Endpoint=sb://HOST[:PORT]/;SharedAccessKeyName=N;SharedAccessKey=K;EntityPath=P</c>, or
/// <c>SharedAccessSignature=…</c> in place of name and key.
/// </summary>
/// <param name="Port">Its port; 443 where none is written.</param>
internal sealed record ConnectionString(string Host, int Port)
{
    private const int TlsPort = 443;

    /// <summary>The authorization rule; null where there is a token or nothing.</summary>
    public string? KeyName { get; init; }

    /// <summary>Its key; there where <see cref="KeyName"/> is.</summary>
    public string? Key { get; init; }

    /// <summary>A token that is ready; null where there is a key or nothing.</summary>
    public string? Signature { get; init; }

    /// <summary>The hybrid connection's path; null where the line is for all of a namespace.</summary>
    public string? EntityPath { get; init; }

    /// <summary>How long an operation may take; null for the client's own default.</summary>
    public TimeSpan? OperationTimeout { get; init; }

    /// <summary>The address, where a path is named.</summary>
    public HybridConnectionAddress? Address => EntityPath is null ? null : new(Host, Port, EntityPath);

    /// <summary>Reads a line. Names are compared without regard to case; one that isn't known is a fault.</summary>
    /// <param name="fault">What is wrong with it. It never holds the key.</param>
    public static bool TryParse(
        string? text,
        [NotNullWhen(true)] out ConnectionString? read,
        [NotNullWhen(false)] out string? fault
    )
    {
        read = null;
        var parts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        fault = Split(text ?? "", parts) ?? FindFault(parts);
        if (fault is not null)
            return false;
        var endpoint = new Uri(parts["Endpoint"]);
        read = new(endpoint.Host, endpoint.Port < 0 ? TlsPort : endpoint.Port)
        {
            KeyName = parts.GetValueOrDefault("SharedAccessKeyName"),
            Key = parts.GetValueOrDefault("SharedAccessKey"),
            Signature = parts.GetValueOrDefault("SharedAccessSignature"),
            EntityPath = parts.GetValueOrDefault("EntityPath")?.Trim('/'),
            OperationTimeout = parts.TryGetValue("OperationTimeout", out var timeout)
                ? TimeSpan.Parse(timeout, CultureInfo.InvariantCulture)
                : null,
        };
        return true;
    }

    /// <summary>Writes the line, its key with it.</summary>
    /// <returns>The line, which <see cref="TryParse"/> reads.</returns>
    public string Write()
    {
        var port = Port == TlsPort ? "" : $":{Port.ToString(CultureInfo.InvariantCulture)}";
        return string.Concat(
            $"Endpoint=sb://{Host}{port}/",
            FormatPart("SharedAccessKeyName", KeyName),
            FormatPart("SharedAccessKey", Key),
            FormatPart("SharedAccessSignature", Signature),
            FormatPart("EntityPath", EntityPath),
            FormatPart("OperationTimeout", OperationTimeout?.ToString("c", CultureInfo.InvariantCulture))
        );
    }

    /// <summary>Hides the key and the token.</summary>
    /// <returns>Where it leads, and by which rule.</returns>
    public override string ToString() => $"sb://{Host}:{Port}/{EntityPath}{(KeyName is null ? "" : $" by {KeyName}")}";

    /// <summary>Splits a line into its parts; returns what is wrong with one, null for nothing.</summary>
    private static string? Split(string text, Dictionary<string, string> parts)
    {
        foreach (var part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = part.IndexOf('=', StringComparison.Ordinal);
            if (at < 1)
                return "a connection string is made of NAME=VALUE; one part isn't";
            if (!parts.TryAdd(part[..at], part[(at + 1)..]))
                return $"'{part[..at]}' is given twice";
        }

        return null;
    }

    private static string FormatPart(string name, string? value) => value is null ? "" : $";{name}={value}";

    private static string? FindFault(Dictionary<string, string> parts)
    {
        string[] known =
        [
            "Endpoint",
            "SharedAccessKeyName",
            "SharedAccessKey",
            "SharedAccessSignature",
            "EntityPath",
            "OperationTimeout",
        ];
        if (parts.Keys.FirstOrDefault(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase)) is { } unknown)
            return $"'{unknown}' is no part of a connection string";
        if (
            !parts.TryGetValue("Endpoint", out var endpoint)
            || !Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)
            || uri.Scheme != "sb"
            || uri.Host.Length == 0
            || uri.UserInfo.Length > 0
        )
            return "'Endpoint' must be sb://HOST[:PORT]/";
        if (parts.ContainsKey("SharedAccessKeyName") != parts.ContainsKey("SharedAccessKey"))
            return "'SharedAccessKeyName' and 'SharedAccessKey' go together";
        if (parts.ContainsKey("SharedAccessKey") && parts.ContainsKey("SharedAccessSignature"))
            return "'SharedAccessKey' and 'SharedAccessSignature' exclude each other";
        if (parts.TryGetValue("EntityPath", out var path) && !RequestPath.IsPath(path.Trim('/')))
            return "'EntityPath' must be a path of one or more segments";
        return
            parts.TryGetValue("OperationTimeout", out var text)
            && !TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out _)
            ? "'OperationTimeout' must be hh:mm:ss"
            : null;
    }
}
