namespace Weft.Cli.Contexts;

/// <summary>
/// A named set of answers to "where, and as whom". It names the file of the token, and never holds the token.
/// </summary>
internal sealed record Context
{
    /// <summary>The address of weftd.</summary>
    public string? Server { get; init; }

    /// <summary>The file that holds the token.</summary>
    public string? TokenFile { get; init; }

    /// <summary>CA certificates to trust, PEM; null trusts the machine's.</summary>
    public string? Ca { get; init; }

    /// <summary>The subscription where a command names none.</summary>
    public string? Subscription { get; init; }

    /// <summary>The resource group where a command names none.</summary>
    public string? ResourceGroup { get; init; }
}
