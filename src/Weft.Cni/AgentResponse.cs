using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary>What the agent said: a lease, a refusal, or simply that it is so.</summary>
/// <param name="Lease">The lease, for <c>acquire</c>.</param>
/// <param name="Code">The code of a refusal, or null where it was none.</param>
/// <remarks>docs/specs/agent-socket.md, "Answer".</remarks>
internal sealed record AgentResponse(AgentLease? Lease, string? Code, string Message)
{
    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    internal static bool TryParse(
        ReadOnlyMemory<byte> line,
        [NotNullWhen(true)] out AgentResponse? response,
        [NotNullWhen(false)] out string? why
    )
    {
        (response, why) = (null, null);
        try
        {
            var root = JsonElementExtensions.ParseObject(line);
            if (root.TryGetObject("error", out var error))
                response = new AgentResponse(null, error.TextOf("code") ?? "", error.TextOf("message") ?? "");
            else if (!root.TryGetObject("lease", out var json))
                response = new AgentResponse(null, null, "");
            else if (Cni.AgentLease.TryRead(json, out var lease))
                response = new AgentResponse(lease, null, "");
            else
                why = $"its lease is none: {json.GetRawText()}";
        }
        catch (JsonException e)
        {
            why = e.Message;
        }

        return response is not null;
    }

    /// <summary>The CNI error of a refusal.</summary>
    /// <returns>An error with the refusal's own code in its details; null where it refuses what is no error of this
    /// command.</returns>
    /// <remarks>docs/specs/cni.md, "Errors".</remarks>
    internal CniError? ToError(Command command)
    {
        if (Code is null || (command == Command.Delete && Code == nameof(RefusalCode.ResourceNotFound)))
            return null; // A network or lease that is gone holds nothing, and DEL of nothing succeeds: else the pod could never go.
        return new CniError(
            ErrorCodeFor(command, Code),
            Message.Length == 0 ? "the agent refuses without a reason" : Message,
            Code
        );
    }

    private static ErrorCode ErrorCodeFor(Command command, string code) =>
        code switch
        {
            _ when command == Command.Status => ErrorCode.NotAvailable,
            nameof(RefusalCode.ServiceUnavailable) or nameof(RefusalCode.Contended) => ErrorCode.TryAgainLater,
            nameof(RefusalCode.AddressHeld) => ErrorCode.AddressHeld,
            nameof(RefusalCode.AddressPoolExhausted) => ErrorCode.AddressPoolExhausted,
            nameof(RefusalCode.AddressNotUsable) => ErrorCode.AddressNotUsable,
            nameof(RefusalCode.ResourceNotFound) or nameof(RefusalCode.Mismatch) when command == Command.Check =>
                ErrorCode.LeaseDiffers,
            _ => ErrorCode.Refused,
        };
}
