using Weft.Addressing;
using Weft.Resources;

namespace Weft.Access;

/// <summary>Whether a change of the network rules shuts out who makes it: then it must be insisted on.</summary>
internal static class LockOut
{
    /// <summary>Refuses a write after which its author can't reach any more, as a sender, what could be reached before.</summary>
    /// <param name="proposal">The write; the finding goes into it.</param>
    public static void Check(Proposal proposal, Image after, ResourceId scope)
    {
        if (proposal.Request is not { Force: false, From: { } text } || !Address.TryParse(text, out var author))
            return;
        foreach (var service in Targets.ServicesOf(scope.Type))
        {
            var then = NetworkRules.Judge(after, scope, Party.Sender, service, author);
            if (then.IsAllowed || !NetworkRules.Judge(proposal.Seen.Image, scope, Party.Sender, service, author).IsAllowed)
                continue;
            var look = then.Deciding!;
            proposal.Find(RefusalCode.WouldLockOut, look.Rule is { } at ? $"properties.ipRules[{at}]" : "properties.defaultAction",
                $"it would shut you out: from {author} you could not reach {Targets.PlaceOf(scope)}{(service.Length > 0 ? $" ({service})" : "")} any more, by '{look}'; allow your address, or insist with force=true", look.Set.Id);
            return;
        }
    }
}
