using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;

namespace Weft.Server;

/// <summary>
/// <c>weftd serve</c> on the command line: which options there are, and what they are given. What the words mean is
/// <see cref="ServeOptions"/>' matter.
/// </summary>
internal sealed class ServeCommand
{
    /// <summary>Words are what they are: no files of arguments, no short options in one word.</summary>
    private static readonly ParserConfiguration Plain = new()
    {
        EnablePosixBundling = false,
        ResponseFileTokenReplacer = null,
    };

    private static readonly ImmutableArray<Option> ServerOptions =
    [
        Value("--data", "DIR", "all state; made if it isn't there (mode 0700)"),
        Value("--listen", "ADDRESS:PORT", "where to listen (default 127.0.0.1:7433; port 0 takes a free one)"),
        Value("--tls-cert", "FILE", "certificate and chain, PEM; serves HTTPS. Read again when it changes"),
        Value("--tls-key", "FILE", "the certificate's key, PEM"),
        Value(
            "--public-address",
            "URL",
            "where the world reaches it, for links in answers (default: what the request names, if that is this server)"
        ),
        Flag("--plain-http", "listen without TLS beyond this machine: tokens travel in the clear"),
        Value("--limits", "FILE", "JSON with numbers that differ from the defaults (docs/specs/limits.md)"),
        Value(
            "--backup-every",
            "TIME",
            "copy the store into DIR/backups as often as this, 10s to 365d: 30m, 6h, 1d (default: never)"
        ),
        Value("--keep", "N", "how many of these copies are kept (default 7)"),
        Value(
            "--log-level",
            "LEVEL",
            "the least level that is logged: trace, debug, info, warn or error (default info)"
        ),
    ];

    private static readonly ImmutableArray<Option> AuditOptions =
    [
        Value("--audit-max-size", "SIZE", "when DIR/audit.log is turned over (default 64MiB)"),
        Value("--audit-max-age", "AGE", "when it is turned over at the latest (default 7d)"),
        Value("--audit-keep", "NUMBER", "how many files are kept besides (default 12)"),
        Value("--audit-also", "KIND,…", "record these too: reads, leases, reports (default none)"),
        Value("--audit-syslog", "SOCKET|ADDRESS:PORT", "send records there too, by RFC 5424: /dev/log, 192.0.2.9:514"),
    ];

    private static readonly ImmutableArray<Option> RelayOptions =
    [
        Value("--relay-listen", "ADDRESS:PORT", "serve the relay there; without it there is none"),
        Value(
            "--relay-address",
            "HOST[:PORT]",
            "where the world reaches it (default: where it listens; needed where that is 0.0.0.0 or [::])"
        ),
        Value(
            "--relay-host-names",
            "NAME,…",
            "further names and addresses by which it is reached: tokens for other hosts are refused"
        ),
        Value(
            "--relay-host-suffix",
            "NAME",
            "NAMESPACE.NAME is the host of a namespace, as at Azure Relay; needs DNS, and a certificate for *.NAME"
        ),
        Value(
            "--relay-default-namespace",
            "N",
            "paths under the relay's own names are of the namespace N (for clients that name none)"
        ),
        Value("--relay-tls-cert", "FILE", "certificate and chain, PEM (default: those of --tls-cert)"),
        Value("--relay-tls-key", "FILE", "the certificate's key, PEM"),
        Value(
            "--relay-proxies",
            "CIDR,…",
            "load balancers before it, which say by PROXY protocol v2 whom they speak for: "
                + "then all connections come from these"
        ),
        Flag(
            "--relay-plain-http",
            "listen without TLS beyond this machine; with --relay-address, something before it encrypts"
        ),
    ];

    private static readonly ImmutableArray<Option> AllOptions = [.. ServerOptions, .. AuditOptions, .. RelayOptions];

    /// <summary>What <c>weftd --help</c> says.</summary>
    public static string Usage { get; } =
        $"""
        weftd, the control plane of Weft

        usage: weftd serve --data DIR [--listen ADDRESS:PORT] [--tls-cert FILE --tls-key FILE] [--limits FILE] [--plain-http]
                           [--log-level LEVEL] [--public-address URL] [--backup-every TIME [--keep N]]
                           [--audit-max-size SIZE] [--audit-max-age AGE] [--audit-keep NUMBER] [--audit-also KIND,…]
                           [--audit-syslog SOCKET|ADDRESS:PORT]
                           [--relay-listen ADDRESS:PORT [--relay-address HOST[:PORT]] [--relay-tls-cert FILE --relay-tls-key FILE]
                            [--relay-host-names NAME,…] [--relay-host-suffix NAME] [--relay-default-namespace N]
                            [--relay-proxies CIDR,…] [--relay-plain-http]]
               weftd backup FILE | check [FILE] | restore FILE [--data DIR]    weftd backup --help says more
               weftd --version

        {Describe(ServerOptions)}

        {Describe(AuditOptions)}

        {Describe(RelayOptions)}

        When it is ready it prints one line, "weft: listening on URL"; with a relay a second, "weft: relay at URL". {""
        }The first administrator's token
        is in DIR/admin.token.
        """;

    /// <summary>Reads the words behind <c>serve</c>.</summary>
    /// <param name="mistake">Is told of every word that is no option's, and of every option without its value.</param>
    /// <returns>The options that were given, in their order, each with its last value; a flag's is empty.</returns>
    public static Dictionary<string, string> Read(IReadOnlyList<string> words, Action<string> mistake)
    {
        var command = new Command("serve") { TreatUnmatchedTokensAsErrors = false };
        foreach (var option in AllOptions)
            command.Options.Add(option);
        var parsed = command.Parse([.. words.Where(word => !IsRefused(word))], Plain);
        foreach (var word in words.Where(IsRefused).Concat(parsed.UnmatchedTokens))
            mistake($"there is no option '{word}'");
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var result in parsed.CommandResult.Children.OfType<OptionResult>().Where(result => !result.Implicit))
        {
            if (IsFlag(result.Option))
                given[result.Option.Name] = "";
            else if (result.Tokens is [.., var last])
                given[result.Option.Name] = last.Value;
            if (!IsFlag(result.Option) && result.Tokens.Count < result.IdentifierTokenCount)
                mistake($"{result.Option.Name} needs a value");
        }

        return given;
    }

    /// <summary>
    /// What the parser would take and weftd doesn't: <c>NAME:VALUE</c>, a value for a flag, and an end of options.
    /// </summary>
    private static bool IsRefused(string word) =>
        word == "--"
        || AllOptions.Any(option =>
            word.StartsWith($"{option.Name}:", StringComparison.Ordinal)
            || (IsFlag(option) && word.StartsWith($"{option.Name}=", StringComparison.Ordinal))
        );

    private static Option<string[]> Value(string name, string value, string description) =>
        new(name)
        {
            HelpName = value,
            Description = description,
            Arity = ArgumentArity.ZeroOrMore,
        };

    private static Option<bool> Flag(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.Zero };

    private static bool IsFlag(Option option) => option.Arity.MaximumNumberOfValues == 0;

    /// <summary>One line for each option, with the descriptions below each other.</summary>
    private static string Describe(ImmutableArray<Option> options)
    {
        var heads = options.Select(option => $"  {option.Name} {option.HelpName}".TrimEnd()).ToList();
        var width = heads.Max(head => head.Length) + 2;
        return string.Join('\n', heads.Zip(options, (head, option) => head.PadRight(width) + option.Description));
    }
}
