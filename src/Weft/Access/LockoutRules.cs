using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>Whether a change of the network rules shuts out who makes it: then it must be insisted on.</summary>
internal static class LockoutRules
{
    /// <summary>
    /// Refuses a write after which its author can't reach any more, as a sender, what could be reached before.
    /// </summary>
    /// <param name="context">The write; the finding goes into it.</param>
    public static void Check(ValidationContext context, StoreState after, ResourceId scope)
    {
        if (context.Request is not { Force: false, CallerAddress: { } text } || !Address.TryParse(text, out var author))
            return;
        foreach (var service in RelayTargets.ServicesOf(scope.Type))
        {
            var then = NetworkRules.Evaluate(after, scope, AppliesTo.Senders, service, author);
            if (
                then.IsAllowed
                || !NetworkRules
                    .Evaluate(context.Transaction.State, scope, AppliesTo.Senders, service, author)
                    .IsAllowed
            )
                continue;
            var evaluation = then.DecidedBy!;
            var target = $"{RelayTargets.DisplayNameOf(scope)}{(service.Length > 0 ? $" ({service})" : "")}";
            context.AddError(
                RefusalCode.WouldLockOut,
                evaluation.RuleIndex is { } at ? $"properties.ipRules[{at}]" : "properties.defaultAction",
                $"it would shut you out: from {author} you could not reach {target} any more, by '{evaluation}'; "
                    + "allow your address, or insist with force=true",
                evaluation.RuleSet.Id
            );
            return;
        }
    }
}
