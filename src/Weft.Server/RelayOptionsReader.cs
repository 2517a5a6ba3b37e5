using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Weft.Access;
using Weft.Addressing;

namespace Weft.Server;

/// <summary>What the words <c>--relay-…</c> of the command line mean.</summary>
internal static class RelayOptionsReader
{
    /// <summary>Reads the relay's options; null where there is none.</summary>
    internal static RelayServeOptions? Read(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.ContainsKey("--relay-listen"))
        {
            foreach (var option in given.Keys.Where(key => key.StartsWith("--relay-", StringComparison.Ordinal)))
                mistake($"{option} is about the relay, and there is none without --relay-listen");
            return null;
        }

        var endpoint = ServeOptions.Endpoint(given, "--relay-listen", "", mistake);
        var own = given.ContainsKey("--relay-tls-cert");
        var certificate = given.GetValueOrDefault(own ? "--relay-tls-cert" : "--tls-cert");
        // Plain here and with an address of its own: something before it encrypts.
        var encrypts =
            certificate is not null
            || (given.ContainsKey("--relay-plain-http") && given.ContainsKey("--relay-address"));
        ServeOptions.CheckTls(given, "relay-", endpoint, certificate is not null, mistake);
        var (host, port) = PublicAddress(given, endpoint, mistake);
        var proxies = ReadProxies(given, mistake);
        return endpoint is null
            ? null
            : new RelayServeOptions(
                endpoint,
                host,
                port,
                certificate,
                given.GetValueOrDefault(own ? "--relay-tls-key" : "--tls-key"),
                proxies,
                encrypts
            )
            {
                Names = ReadNames(given, mistake),
                HostSuffix = ReadSuffix(given, mistake),
                DefaultNamespace = ReadDefaultNamespace(given, mistake),
            };
    }

    private static ImmutableArray<string> ReadNames(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.TryGetValue("--relay-host-names", out var list))
            return [];
        var names = list.Split(',').Select(WithoutBrackets).ToImmutableArray();
        foreach (var name in names.Where(name => Uri.CheckHostName(name) == UriHostNameType.Unknown))
            mistake(
                $"--relay-host-names: '{name}' is no host; write names and addresses without ports, "
                    + "such as relay.example,192.0.2.7"
            );
        return names;
    }

    private static string? ReadSuffix(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.TryGetValue("--relay-host-suffix", out var suffix))
            return null;
        if (Uri.CheckHostName(suffix) != UriHostNameType.Dns || suffix.StartsWith('.'))
            mistake($"--relay-host-suffix: '{suffix}' is no domain; write relay.example.net");
        return suffix;
    }

    private static string? ReadDefaultNamespace(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.TryGetValue("--relay-default-namespace", out var name))
            return null;
        if (!RelayNamespace.IsName(name))
            mistake(
                $"--relay-default-namespace: '{name}' is no name of a namespace; it has 6 to 50 letters, digits and hyphens"
            );
        return name;
    }

    private static string WithoutBrackets(string host) => host is ['[', .., ']'] ? host[1..^1] : host;

    private static ImmutableArray<Prefix> ReadProxies(Dictionary<string, string> given, Action<string> mistake)
    {
        if (!given.TryGetValue("--relay-proxies", out var list))
            return [];
        var proxies = ImmutableArray.CreateBuilder<Prefix>();
        foreach (var text in list.Split(','))
        {
            if (IpMask.Parse(text).TryGet(out var prefix, out var refusal))
                proxies.Add(prefix);
            else
                mistake($"--relay-proxies: {refusal.Message}");
        }

        return proxies.ToImmutable();
    }

    private static (string Host, int? Port) PublicAddress(
        Dictionary<string, string> given,
        IPEndPoint? endpoint,
        Action<string> mistake
    )
    {
        if (given.TryGetValue("--relay-address", out var text))
            return ParseHostAndPort(text, mistake);
        if (
            endpoint is not null
            && (endpoint.Address.Equals(IPAddress.Any) || endpoint.Address.Equals(IPAddress.IPv6Any))
        )
            mistake(
                $"--relay-listen {endpoint} is every address of this machine, and listeners must be told one: "
                    + "give --relay-address HOST:PORT"
            );
        return (endpoint?.Address.ToString() ?? "", null);
    }

    private static (string Host, int? Port) ParseHostAndPort(string text, Action<string> mistake)
    {
        // An IPv6 address stands in brackets, as in a URL.
        var colon = text.LastIndexOf(':');
        var host = colon > text.LastIndexOf(']') ? text[..colon] : text;
        var bare = WithoutBrackets(host);
        int? port =
            host.Length < text.Length
            && int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is > 0 and <= 65535
                ? number
                : null;
        var kind = Uri.CheckHostName(bare);
        if (
            kind == UriHostNameType.Unknown
            || (kind == UriHostNameType.IPv6) != (host.Length > bare.Length)
            || (host.Length < text.Length && port is null)
        )
            mistake(
                $"--relay-address: '{text}' is no host and port; "
                    + "write relay.example:443, 192.0.2.7:443 or [2001:db8::7]:443"
            );
        return (bare, port);
    }
}
