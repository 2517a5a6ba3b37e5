using System.Text.Json.Nodes;
using Weft.Attachments.Admission;

namespace Weft.Cli.Linting;

/// <summary>Findings as SARIF, which code hosts and editors show beside the line.</summary>
/// <remarks>Source: OASIS SARIF 2.1.0, §3.13 (log), §3.27 (result), §3.49 (rule).</remarks>
internal static class SarifLog
{
    /// <summary>Writes a log of one run.</summary>
    public static JsonObject Create(IEnumerable<LocatedFinding> found) =>
        new()
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new JsonArray(
                new JsonObject
                {
                    ["tool"] = new JsonObject
                    {
                        ["driver"] = new JsonObject
                        {
                            ["name"] = "weft lint",
                            ["version"] = ProgramVersion.Text,
                            ["rules"] = new JsonArray([.. LintRule.All.Select(r => (JsonNode)RuleJson(r))]),
                        },
                    },
                    ["results"] = new JsonArray([.. found.Select(f => (JsonNode)ResultJson(f))]),
                }
            ),
        };

    private static JsonObject RuleJson(LintRule rule) =>
        new()
        {
            ["id"] = rule.Id,
            ["shortDescription"] = new JsonObject { ["text"] = rule.Title },
            ["defaultConfiguration"] = new JsonObject
            {
                ["level"] = rule.Severity == Severity.Error ? "error" : "warning",
            },
        };

    private static JsonObject ResultJson(LocatedFinding found)
    {
        var place = new JsonObject
        {
            ["artifactLocation"] = new JsonObject { ["uri"] = found.Location.File.Replace('\\', '/') },
        };
        if (found.Location.Line > 0)
            place["region"] = new JsonObject
            {
                ["startLine"] = found.Location.Line,
                ["startColumn"] = found.Location.Column,
            };
        return new JsonObject
        {
            ["ruleId"] = found.Finding.Rule,
            ["level"] = found.Severity,
            ["message"] = new JsonObject
            {
                ["text"] = $"{found.Manifest.Title}: {found.Finding.Message}; {found.Finding.Fix}",
            },
            ["locations"] = new JsonArray(
                new JsonObject
                {
                    ["physicalLocation"] = place,
                    ["logicalLocations"] = new JsonArray(
                        new JsonObject { ["fullyQualifiedName"] = found.Finding.Path }
                    ),
                }
            ),
        };
    }
}
