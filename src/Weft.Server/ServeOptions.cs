using System.Collections.Immutable;
using System.Net;
using Weft.Logging;

namespace Weft.Server;

/// <summary>What <c>weftd serve</c> is told.</summary>
/// <param name="Listen">Where to listen; port 0 takes a free one. Default 127.0.0.1:7433.</param>
/// <param name="TlsCertificate">A PEM file with the certificate and its chain; null for plain HTTP.</param>
/// <param name="TlsKey">A PEM file with the certificate's key.</param>
/// <param name="Limits">A JSON file with limits that differ from the defaults, or null.</param>
internal sealed record ServeOptions(
    string Data,
    IPEndPoint Listen,
    string? TlsCertificate,
    string? TlsKey,
    string? Limits
)
{
    /// <summary>The relay, or null where none is served.</summary>
    public RelayServeOptions? Relay { get; init; }

    /// <summary>The numbers of <see cref="Limits"/>, once they have been read.</summary>
    public ServerLimits Numbers { get; init; } = ServerLimits.Default;

    /// <summary>The least level that is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    private static readonly ImmutableArray<string> PathOptions =
    [
        "--tls-cert",
        "--tls-key",
        "--limits",
        "--relay-tls-cert",
        "--relay-tls-key",
    ];

    /// <summary>Reads the command line; every mistake is said at once.</summary>
    public static Outcome<ServeOptions> Read(IReadOnlyList<string> args)
    {
        var mistakes = new List<Refusal>();
        void Mistake(string message) => mistakes.Add(new Refusal(RefusalCode.InvalidMember, message));
        var given = ServeCommand.Read(args, Mistake);
        if (!given.ContainsKey("--data"))
            Mistake("--data DIR is required");
        var endpoint = Endpoint(given, "--listen", "127.0.0.1:7433", Mistake);
        CheckTls(given, "", endpoint, given.ContainsKey("--tls-cert"), Mistake);
        foreach (var file in given.Where(g => PathOptions.Contains(g.Key) && !File.Exists(g.Value)))
            Mistake($"{file.Key}: there is no file '{file.Value}'");
        var level = ReadLogLevel(given, Mistake);
        var relay = RelayOptionsReader.Read(given, Mistake);
        return mistakes.Count > 0
            ? Refusal.Combine(mistakes, null)
            : new ServeOptions(
                given["--data"],
                endpoint!,
                given.GetValueOrDefault("--tls-cert"),
                given.GetValueOrDefault("--tls-key"),
                given.GetValueOrDefault("--limits")
            )
            {
                Relay = relay,
                LogLevel = level,
            };
    }

    private static LogLevel ReadLogLevel(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.TryGetValue("--log-level", out var word))
            return LogLevel.Information;
        if (LogLevelNames.Parse(word) is { } level)
            return level;
        mistake($"--log-level: '{word}' is no level; write {LogLevelNames.Choice}");
        return LogLevel.Information;
    }

    internal static IPEndPoint? Endpoint(
        Dictionary<string, string> given,
        string option,
        string standard,
        Action<string> mistake
    )
    {
        var text = given.GetValueOrDefault(option, standard);
        if (IPEndPoint.TryParse(text, out var endpoint) && text.Contains(':', StringComparison.Ordinal))
            return endpoint;
        mistake($"{option}: '{text}' is no address and port; write 127.0.0.1:7433 or [::1]:7433");
        return null;
    }

    internal static void CheckTls(
        Dictionary<string, string> given,
        string of,
        IPEndPoint? endpoint,
        bool encrypts,
        Action<string> mistake
    )
    {
        if (given.ContainsKey($"--{of}tls-cert") != given.ContainsKey($"--{of}tls-key"))
            mistake($"--{of}tls-cert and --{of}tls-key go together");
        var isExposed = endpoint is not null && !IPAddress.IsLoopback(endpoint.Address);
        if (isExposed && !encrypts && !given.ContainsKey($"--{of}plain-http"))
            mistake(
                $"--{of}listen {given[$"--{of}listen"]} reaches beyond this machine, and tokens would travel in the clear: "
                    + $"give --{of}tls-cert and --{of}tls-key (or --{of}plain-http, where something else encrypts)"
            );
    }
}
