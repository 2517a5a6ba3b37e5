using System.Net;

namespace Weft.Server;

/// <summary>What <c>weftd serve</c> is told.</summary>
/// <param name="Data">The directory that holds all state.</param>
/// <param name="Listen">Where to listen; port 0 takes a free one. Default 127.0.0.1:7433.</param>
/// <param name="TlsCertificate">A PEM file with the certificate and its chain; null for plain HTTP.</param>
/// <param name="TlsKey">A PEM file with the certificate's key.</param>
/// <param name="Limits">A JSON file with limits that differ from the defaults, or null.</param>
internal sealed record ServeOptions(string Data, IPEndPoint Listen, string? TlsCertificate, string? TlsKey, string? Limits)
{
    public const string Usage = """
        weftd, the control plane of Weft

        usage: weftd serve --data DIR [--listen ADDRESS:PORT] [--tls-cert FILE --tls-key FILE] [--limits FILE] [--plain-http]
               weftd --version

          --data DIR             all state; made if it isn't there (mode 0700)
          --listen ADDRESS:PORT  where to listen (default 127.0.0.1:7433; port 0 takes a free one)
          --tls-cert FILE        certificate and chain, PEM; serves HTTPS
          --tls-key FILE         the certificate's key, PEM
          --plain-http           listen without TLS beyond this machine: tokens travel in the clear
          --limits FILE          JSON with numbers that differ from the defaults (docs/specs/limits.md)

        When it is ready it prints one line, "weft: listening on URL". The first administrator's token is in DIR/admin.token.
        """;

    /// <summary>Reads the command line; every mistake is said at once.</summary>
    public static Outcome<ServeOptions> Read(IReadOnlyList<string> args)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        var mistakes = new List<Refusal>();
        void Mistake(string message) => mistakes.Add(new Refusal(RefusalCode.InvalidMember, message));
        for (var i = 0; i < args.Count; i++)
        {
            if (args[i] == "--plain-http")
            {
                given[args[i]] = "";
                continue;
            }

            (string name, string? value) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            if (name is not ("--data" or "--listen" or "--tls-cert" or "--tls-key" or "--limits"))
                Mistake($"there is no option '{args[i]}'");
            else if ((value ?? (i + 1 < args.Count ? args[++i] : null)) is { } text)
                given[name] = text;
            else
                Mistake($"{name} needs a value");
        }

        var listen = given.GetValueOrDefault("--listen", "127.0.0.1:7433");
        if (!IPEndPoint.TryParse(listen, out var endpoint) || !listen.Contains(':', StringComparison.Ordinal))
            Mistake($"--listen: '{listen}' is no address and port; write 127.0.0.1:7433 or [::1]:7433");
        if (!given.ContainsKey("--data"))
            Mistake("--data DIR is required");
        if (given.ContainsKey("--tls-cert") != given.ContainsKey("--tls-key"))
            Mistake("--tls-cert and --tls-key go together");
        if (endpoint is not null && !IPAddress.IsLoopback(endpoint.Address) && !given.ContainsKey("--tls-cert") && !given.ContainsKey("--plain-http"))
            Mistake($"--listen {listen} reaches beyond this machine, and tokens would travel in the clear: give --tls-cert and --tls-key (or --plain-http, where something else encrypts)");
        foreach (var file in given.Where(g => g.Key is "--tls-cert" or "--tls-key" or "--limits" && !File.Exists(g.Value)))
            Mistake($"{file.Key}: there is no file '{file.Value}'");
        return mistakes.Count > 0 ? Refusal.Of(mistakes, null)
            : new ServeOptions(given["--data"], endpoint!, given.GetValueOrDefault("--tls-cert"), given.GetValueOrDefault("--tls-key"), given.GetValueOrDefault("--limits"));
    }
}
