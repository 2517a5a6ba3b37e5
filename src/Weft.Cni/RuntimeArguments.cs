using System.Diagnostics.CodeAnalysis;

namespace Weft.Cni;

/// <summary>What we take from <c>CNI_ARGS</c>: whose sandbox it is, and an address asked for.</summary>
/// <param name="Namespace"><c>K8S_POD_NAMESPACE</c>, or null where the runtime sent none.</param>
/// <param name="Pod"><c>K8S_POD_NAME</c>, or null.</param>
/// <param name="Uid"><c>K8S_POD_UID</c>, or null; not every runtime sends it.</param>
/// <param name="Addresses"><c>IP</c>: one address or several with commas between, or null.</param>
/// <remarks>
/// CNI conventions, "CNI_ARGS". All plugins of a chain share the variable, so keys we don't know belong to others.
/// </remarks>
internal sealed record RuntimeArguments(string? Namespace, string? Pod, string? Uid, string? Addresses)
{
    /// <summary>Takes <c>KEY=VALUE;KEY=VALUE</c> apart. An empty value is as good as none.</summary>
    /// <param name="text">The variable; may be empty.</param>
    internal static bool TryParse(
        string text,
        [NotNullWhen(true)] out RuntimeArguments? arguments,
        [NotNullWhen(false)] out CniError? error
    )
    {
        var read = new RuntimeArguments(null, null, null, null);
        (arguments, error) = (null, null);
        foreach (var pair in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                error = new CniError(ErrorCode.InvalidEnvironment, $"CNI_ARGS has '{pair}', which is no KEY=VALUE");
                return false;
            }

            var value = equals + 1 < pair.Length ? pair[(equals + 1)..] : null;
            read = pair[..equals] switch
            {
                "K8S_POD_NAMESPACE" => read with { Namespace = value },
                "K8S_POD_NAME" => read with { Pod = value },
                "K8S_POD_UID" => read with { Uid = value },
                "IP" => read with { Addresses = value },
                _ => read,
            };
        }

        arguments = read;
        return true;
    }
}
