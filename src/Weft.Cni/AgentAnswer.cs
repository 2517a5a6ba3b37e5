using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Weft.Cni;

/// <summary>What the agent said: a lease, a refusal, or simply that it is so.</summary>
/// <param name="Lease">The lease, for <c>acquire</c>.</param>
/// <param name="Code">The code of a refusal, or null where it was none.</param>
/// <remarks>docs/specs/agent-socket.md, "Answer".</remarks>
internal sealed record AgentAnswer(Lease? Lease, string? Code, string Message)
{
    /// <summary>Reads a line.</summary>
    /// <param name="line">The line, without its end.</param>
    internal static bool TryParse(
        ReadOnlyMemory<byte> line, [NotNullWhen(true)] out AgentAnswer? answer, [NotNullWhen(false)] out string? why)
    {
        (answer, why) = (null, null);
        try
        {
            var root = JsonText.ParseObject(line);
            if (root.TryGetObject("error", out var error))
                answer = new AgentAnswer(null, error.TextOf("code") ?? "", error.TextOf("message") ?? "");
            else if (!root.TryGetObject("lease", out var json))
                answer = new AgentAnswer(null, null, "");
            else if (Cni.Lease.TryRead(json, out var lease))
                answer = new AgentAnswer(lease, null, "");
            else
                why = $"its lease is none: {json.GetRawText()}";
        }
        catch (JsonException e)
        {
            why = e.Message;
        }

        return answer is not null;
    }

    /// <summary>The CNI error of a refusal.</summary>
    /// <returns>A failure with the refusal's own code in its details; null where it refuses what is no failure of this verb.</returns>
    /// <remarks>docs/specs/cni.md, "Errors".</remarks>
    internal Failure? ToFailure(Verb verb)
    {
        if (Code is null || (verb == Verb.Delete && Code == nameof(RefusalCode.ResourceNotFound)))
            return null; // A network or lease that is gone holds nothing, and DEL of nothing succeeds: else the pod could never go.
        return new Failure(CodeFor(verb, Code), Message.Length == 0 ? "the agent refuses without a reason" : Message, Code);
    }

    private static ErrorCode CodeFor(Verb verb, string code) => code switch
    {
        _ when verb == Verb.Status => ErrorCode.NotAvailable,
        nameof(RefusalCode.ServiceUnavailable) or nameof(RefusalCode.Contended) => ErrorCode.TryAgainLater,
        nameof(RefusalCode.AddressHeld) => ErrorCode.AddressHeld,
        nameof(RefusalCode.AddressPoolExhausted) => ErrorCode.AddressPoolExhausted,
        nameof(RefusalCode.AddressNotUsable) => ErrorCode.AddressNotUsable,
        nameof(RefusalCode.ResourceNotFound) or nameof(RefusalCode.Mismatch) when verb == Verb.Check => ErrorCode.LeaseDiffers,
        _ => ErrorCode.Refused,
    };
}
