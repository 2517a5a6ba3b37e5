using Weft.Contracts;

namespace Weft.Cni;

/// <summary>From the agent's refusals to the errors of CNI.</summary>
/// <remarks>docs/specs/cni.md, "Errors".</remarks>
internal static class RefusalCodes
{
    /// <summary>The CNI error of an answer.</summary>
    /// <returns>An error with the refusal's own code in its details; null where the answer is none, or refuses what is no
    /// error of this command.</returns>
    internal static CniError? ToError(this SocketResponse response, Command command)
    {
        // A network or lease that is gone holds nothing, and DEL of nothing succeeds: else the pod could never go.
        if (
            response.Code is not { } code
            || (command == Command.Delete && code == nameof(RefusalCode.ResourceNotFound))
        )
            return null;
        return new CniError(
            ErrorCodeFor(command, code),
            response.Message.Length == 0 ? "the agent refuses without a reason" : response.Message,
            code
        );
    }

    private static ErrorCode ErrorCodeFor(Command command, string code) =>
        code switch
        {
            _ when command == Command.Status => ErrorCode.NotAvailable,
            nameof(RefusalCode.ServiceUnavailable)
            or nameof(RefusalCode.TooManyRequests)
            or nameof(RefusalCode.RequestTimeout)
            or nameof(RefusalCode.RegistrationPending)
            or nameof(RefusalCode.Contended)
            or nameof(RefusalCode.LeaseSessionEnded) => ErrorCode.TryAgainLater,
            nameof(RefusalCode.AddressHeld) => ErrorCode.AddressHeld,
            nameof(RefusalCode.AddressPoolExhausted) => ErrorCode.AddressPoolExhausted,
            nameof(RefusalCode.QuotaExceeded) => ErrorCode.QuotaExceeded,
            nameof(RefusalCode.AddressNotUsable) => ErrorCode.AddressNotUsable,
            nameof(RefusalCode.ResourceNotFound) or nameof(RefusalCode.Mismatch) when command == Command.Check =>
                ErrorCode.LeaseDiffers,
            _ => ErrorCode.Refused,
        };
}
