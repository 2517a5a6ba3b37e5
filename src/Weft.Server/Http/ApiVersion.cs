using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Weft.Server.Http;

/// <summary>The query parameter that every request of the resource API carries.</summary>
internal static partial class ApiVersion
{
    /// <summary>Checks the version against those a type knows.</summary>
    /// <param name="known">The versions it knows; empty for any date.</param>
    /// <returns>Null where it is fine.</returns>
    public static Refusal? Check(HttpContext http, string what, ImmutableArray<string> known)
    {
        var version = http.Request.Query["api-version"].ToString();
        if (version.Length == 0)
            return new Refusal(
                RefusalCode.MissingApiVersionParameter,
                $"the api-version query parameter (?api-version=) is required for all requests; {what} knows {ListVersions(known)}",
                "api-version"
            );
        if (!VersionPattern().IsMatch(version))
            return new Refusal(
                RefusalCode.InvalidApiVersionParameter,
                $"the api-version '{version}' is invalid: it must be a date, YYYY-MM-DD, or YYYY-MM-DD-preview",
                "api-version"
            );
        return known.IsEmpty || known.Contains(version, StringComparer.OrdinalIgnoreCase)
            ? null
            : new Refusal(
                RefusalCode.NoRegisteredProviderFound,
                $"No registered resource provider found for API version '{version}' for type '{what}'. The supported "
                    + $"api-versions are '{ListVersions(known)}'.",
                "api-version"
            );
    }

    private static string ListVersions(ImmutableArray<string> known) =>
        known.IsEmpty ? "any date" : string.Join(", ", known);

    [GeneratedRegex(
        @"^\d{4}-\d{2}-\d{2}(-(preview|alpha|beta|rc|privatepreview))?\z",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase
    )]
    private static partial Regex VersionPattern();
}
