namespace Weft.Attachments;

/// <summary>Names of Kubernetes objects: DNS labels of RFC 1123, at most 63 characters.</summary>
internal static class DnsLabel
{
    /// <summary>A name reduced to a label: lower case, and a hyphen for an underscore or a dot.</summary>
    /// <returns>The reduced name, which need not be a label yet.</returns>
    public static string From(string name)
    {
        return name.ToLowerInvariant().Replace('_', '-').Replace('.', '-');
    }

    /// <summary>Whether a name is a label.</summary>
    /// <returns>True for 1–63 lower-case letters, digits and hyphens, no hyphen at either end.</returns>
    public static bool IsValid(string name)
    {
        return name.Length is > 0 and <= 63
            && name[0] != '-'
            && name[^1] != '-'
            && name.All(c => c is '-' or (>= 'a' and <= 'z') or (>= '0' and <= '9'));
    }

    /// <summary>Whether a name is a DNS subdomain, as the names of nodes are: labels, with dots between.</summary>
    public static bool IsSubdomain(string name) => name.Length <= 253 && name.Split('.').All(IsValid);
}
