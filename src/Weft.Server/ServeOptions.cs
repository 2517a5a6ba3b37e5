using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Weft.Logging;
using Weft.Server.Storage;

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

    /// <summary>How often the store is copied; null where it isn't.</summary>
    public BackupOptions? Backups { get; init; }

    /// <summary>How the record of who did what is kept.</summary>
    public AuditServeOptions Audit { get; init; } = new();

    /// <summary>Where the world reaches the API; null where that is said by no option.</summary>
    public Uri? PublicAddress { get; init; }

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
        var backups = ReadBackups(given, Mistake);
        var audit = AuditServeOptions.Read(given, Mistake);
        var address = ReadPublicAddress(given, Mistake);
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
                Backups = backups,
                Audit = audit,
                PublicAddress = address,
            };
    }

    private static BackupOptions? ReadBackups(Dictionary<string, string> given, Action<string> mistake)
    {
        var keep = BackupOptions.DefaultKeep;
        if (
            given.TryGetValue("--keep", out var count)
            && (
                !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out keep)
                || keep is < 1 or > 10_000
            )
        )
            mistake($"--keep: '{count}' is no number of backups; write 1 to 10000");
        if (!given.TryGetValue("--backup-every", out var text))
        {
            if (count is not null)
                mistake("--keep is about backups, and there are none without --backup-every");
            return null;
        }

        if (ParseDuration(text) is { } every)
            return new BackupOptions(every, keep);
        mistake($"--backup-every: '{text}' is no duration of 10s to 365d; write 30m, 6h or 1d");
        return null;
    }

    private static TimeSpan? ParseDuration(string text)
    {
        var unit = text is [.., var last]
            ? last switch
            {
                's' => TimeSpan.FromSeconds(1),
                'm' => TimeSpan.FromMinutes(1),
                'h' => TimeSpan.FromHours(1),
                'd' => TimeSpan.FromDays(1),
                _ => TimeSpan.Zero,
            }
            : TimeSpan.Zero;
        return
            int.TryParse(
                text.AsSpan(0, Math.Max(text.Length - 1, 0)),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var n
            )
            && n <= TimeSpan.FromDays(365).TotalSeconds
            && n * unit is var duration
            && duration >= TimeSpan.FromSeconds(10)
            && duration <= TimeSpan.FromDays(365)
            ? duration
            : null;
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

    private static Uri? ReadPublicAddress(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.TryGetValue("--public-address", out var text))
            return null;
        if (
            Uri.TryCreate(text, UriKind.Absolute, out var address)
            && address is { Scheme: "http" or "https", AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" }
        )
            return address;
        mistake($"--public-address: '{text}' is no address; write https://weft.example:7433");
        return null;
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
