using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Cli.Arm;

/// <summary>A successful response of the server.</summary>
/// <param name="Status">The HTTP status, below 400.</param>
/// <param name="Body">The body, or null where there is none.</param>
internal sealed record ArmResponse(int Status, JsonNode? Body)
{
    /// <summary>Where the operation is, for those who read its body.</summary>
    public string? AsyncOperation { get; init; }

    /// <summary>Where the operation is, for those who read its status.</summary>
    public string? Location { get; init; }

    /// <summary>How long to wait before asking again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the server held the answer as it was asked to.</summary>
    public bool PreferenceApplied { get; init; }

    /// <summary>What the request does to others, as the server warns of it.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>The body, which must be an object.</summary>
    /// <exception cref="CliError">It is none.</exception>
    public JsonObject Object =>
        Body as JsonObject
        ?? throw new CliError(
            "the server's answer is no JSON object",
            next: "is there a weftd at the configured address?"
        );
}
