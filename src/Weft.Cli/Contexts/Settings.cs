namespace Weft.Cli.Contexts;

/// <summary>
/// Where to speak to and as whom, resolved: the option wins over the environment, the environment over the context.
/// </summary>
/// <param name="Context">The context's name, or null where there is none.</param>
/// <param name="Server">The address of weftd, or null.</param>
/// <param name="TokenFile">The file of the token, or null.</param>
/// <param name="Ca">CA certificates, or null.</param>
/// <param name="Subscription">The subscription, or null.</param>
/// <param name="ResourceGroup">The resource group, or null.</param>
internal sealed record Settings(
    string? Context,
    Uri? Server,
    string? TokenFile,
    string? Ca,
    string? Subscription,
    string? ResourceGroup
)
{
    /// <summary>The environment variables this program knows; they are read here and nowhere else.</summary>
    public const string ContextVariable = "WEFT_CONTEXT",
        ServerVariable = "WEFT_SERVER",
        TokenFileVariable = "WEFT_TOKEN_FILE";

    private const string SetupHint =
        "start one here with ./run, or name yours: weft config set-context NAME --server URL --token-file FILE --subscription SUB";

    /// <summary>The server.</summary>
    /// <exception cref="CliError">None is configured.</exception>
    public Uri RequiredServer => Server ?? throw new CliError("no server is configured", next: SetupHint);

    /// <summary>The subscription.</summary>
    /// <exception cref="CliError">None is named.</exception>
    public string RequiredSubscription =>
        Subscription
        ?? throw new CliError(
            "no subscription is named",
            next: "add -s SUBSCRIPTION, or weft config set-context NAME --subscription SUBSCRIPTION"
        );

    /// <summary>The resource group.</summary>
    /// <exception cref="CliError">None is named.</exception>
    public string RequiredGroup =>
        ResourceGroup
        ?? throw new CliError(
            "no resource group is named",
            next: "add -g GROUP, or weft config set-context NAME --resource-group GROUP"
        );

    /// <summary>Resolves the settings.</summary>
    /// <param name="contextName">What <c>--context</c> says.</param>
    /// <param name="options">What the other options say, as a context.</param>
    /// <exception cref="CliError">A named context isn't there, or the server's address is none.</exception>
    public static Settings Resolve(
        string? contextName,
        Context options,
        IReadOnlyDictionary<string, string> environment
    )
    {
        var file = ContextFile.Read(ContextFile.PathIn(environment));
        var name = contextName ?? GetVariable(environment, ContextVariable) ?? file.Current;
        var context = name is null ? new Context() : file.Find(name);
        var server = options.Server ?? GetVariable(environment, ServerVariable);
        var token = options.TokenFile ?? GetVariable(environment, TokenFileVariable);

        // A context's token is that server's: it isn't shown to whatever address somebody typed.
        if (token is null && (server is null || IsSameServer(server, context.Server)))
            token = context.TokenFile;
        return new Settings(
            name,
            ParseServer(server ?? context.Server),
            token,
            options.Ca ?? context.Ca,
            options.Subscription ?? context.Subscription,
            options.ResourceGroup ?? context.ResourceGroup
        );
    }

    /// <summary>
    /// The options that make another process resolve to the same server as this one, whatever its environment.
    /// </summary>
    /// <param name="context">The context that was chosen, or null.</param>
    /// <param name="options">What the other options say, as a context.</param>
    /// <returns>Options and their values; files by their whole paths.</returns>
    public static IEnumerable<string> ToArguments(
        string? context,
        Context options,
        IReadOnlyDictionary<string, string> environment
    )
    {
        (string Option, string? Value)[] given =
        [
            ("--context", context),
            ("--server", options.Server ?? GetVariable(environment, ServerVariable)),
            ("--token-file", FullPath(options.TokenFile ?? GetVariable(environment, TokenFileVariable))),
            ("--ca", FullPath(options.Ca)),
        ];
        return given.Where(pair => pair.Value is not null).SelectMany(pair => new[] { pair.Option, pair.Value! });

        static string? FullPath(string? file) => file is null ? null : Path.GetFullPath(file);
    }

    private static bool IsSameServer(string one, string? other) =>
        other is not null
        && ParseServer(one) is { } a
        && ParseServer(other) is { } b
        && a.GetLeftPart(UriPartial.Authority) == b.GetLeftPart(UriPartial.Authority);

    /// <summary>Reads the address of a server.</summary>
    /// <param name="text">The text, or null.</param>
    /// <returns>The address, ending in a slash, or null.</returns>
    /// <exception cref="CliError">It is none.</exception>
    public static Uri? ParseServer(string? text)
    {
        if (text is null)
            return null;
        if (
            !Uri.TryCreate(text, UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https")
            || address.UserInfo.Length > 0
        )
            throw CliError.Usage($"'{text}' is no server address", "write http://HOST:PORT or https://HOST[:PORT]");
        return new Uri(address.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/");
    }

    private static string? GetVariable(IReadOnlyDictionary<string, string> environment, string name) =>
        environment.TryGetValue(name, out var value) && value.Length > 0 ? value : null;
}
