using System.CommandLine;
using Weft.Cli.Contexts;

namespace Weft.Cli;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    /// <summary><c>--context</c>.</summary>
    public Option<string?> Context { get; } = CreateOption<string?>("--context", "NAME", "The context to use");

    /// <summary><c>--server</c>.</summary>
    public Option<string?> Server { get; } = CreateOption<string?>("--server", "URL", "The address of weftd");

    /// <summary><c>--token-file</c>.</summary>
    public Option<string?> TokenFile { get; } =
        CreateOption<string?>("--token-file", "FILE", "The file that holds the token");

    /// <summary><c>--ca</c>.</summary>
    public Option<string?> Ca { get; } = CreateOption<string?>("--ca", "FILE", "CA certificates to trust, PEM");

    /// <summary><c>--subscription</c>.</summary>
    public Option<string?> Subscription { get; } =
        CreateOption<string?>("--subscription", "SUB", "The subscription", "-s");

    /// <summary><c>--resource-group</c>.</summary>
    public Option<string?> ResourceGroup { get; } =
        CreateOption<string?>("--resource-group", "GROUP", "The resource group", "-g");

    /// <summary><c>--output</c>.</summary>
    public Option<string?> Output { get; } =
        CreateOption<string?>("--output", "FORMAT", "table, wide, json, yaml or name", "-o");

    /// <summary><c>--no-color</c>.</summary>
    public Option<bool> NoColour { get; } = CreateOption<bool>("--no-color", null, "No colours on a terminal");

    /// <summary><c>--verbose</c>.</summary>
    public Option<bool> Verbose { get; } = CreateOption<bool>("--verbose", null, "Say each request on stderr");

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All =>
        [Context, Server, TokenFile, Ca, Subscription, ResourceGroup, Output, NoColour, Verbose];

    /// <summary>What the options say, in the form of a context.</summary>
    /// <returns>A context; what isn't given is null.</returns>
    public Context ToContext(ParseResult parsed) =>
        new()
        {
            Server = parsed.GetValue(Server),
            TokenFile = parsed.GetValue(TokenFile),
            Ca = parsed.GetValue(Ca),
            Subscription = parsed.GetValue(Subscription),
            ResourceGroup = parsed.GetValue(ResourceGroup),
        };

    private static Option<T> CreateOption<T>(string name, string? value, string description, params string[] aliases)
    {
        var option = new Option<T>(name, aliases) { Recursive = true, Description = description };
        if (value is not null)
            option.HelpName = value;
        return option;
    }
}
