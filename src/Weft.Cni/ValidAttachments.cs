using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>The attachments to a network that a runtime still has, as it lists them for GC.</summary>
/// <remarks>
/// CNI specification 1.1.0, section 2, "GC": <c>cni.dev/valid-attachments</c>. libcni writes the same list as
/// <c>cni.dev/attachments</c> too.
/// </remarks>
internal static class ValidAttachments
{
    private const string Member = "cni.dev/valid-attachments";
    private const string OtherMember = "cni.dev/attachments";

    /// <summary>Reads the list. One that isn't there isn't an empty one: then nothing would be valid.</summary>
    internal static bool TryRead(
        JsonElement root,
        [NotNullWhen(true)] out IReadOnlyList<SocketAttachment>? valid,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (valid, error) = (null, null);
        var member = root.TryGetMember(Member, out _) ? Member : OtherMember;
        if (!root.TryGetMember(member, out _))
        {
            error = CniError.InvalidConfiguration($"GC needs '{Member}', the attachments that are still there");
            return false;
        }

        var found = new List<SocketAttachment>();
        foreach (var attachment in root.ListOf(member))
        {
            if (
                attachment.ValueKind != JsonValueKind.Object
                || attachment.TextOf("containerID") is not { Length: > 0 } container
                || attachment.TextOf("ifname") is not { Length: > 0 } name
            )
            {
                error = CniError.InvalidConfiguration(
                    $"'{member}' has an entry without containerID and ifname: {attachment.GetRawText()}"
                );
                return false;
            }

            found.Add(new SocketAttachment(container, name));
        }

        valid = found;
        return true;
    }
}
