using Weft.Access;
using Weft.Relay.Server.Authorization;

namespace Weft.Server.Relays;

/// <summary>
/// The relay's role of a caller in the words of network rules. The relay knows nothing of rules, and rules nothing of
/// the relay, so this is the one place that knows both.
/// </summary>
internal static class CallerRole
{
    public static AppliesTo AsAppliesTo(ClientRole role) =>
        role switch
        {
            ClientRole.Listener => AppliesTo.Listeners,
            ClientRole.Sender => AppliesTo.Senders,
            _ => throw new ArgumentOutOfRangeException(nameof(role), role, "a caller either sends or listens"),
        };
}
