using System.Globalization;
using System.Text.RegularExpressions;

namespace Weft.Tests.Architecture;

/// <summary>The page that leads through the code by file and line leads where it says.</summary>
public sealed partial class WalkthroughTests
{
    [Fact]
    public void Leads_ToTheLinesThatItNames()
    {
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "walkthrough.md"));
        var steps = Steps().Matches(page);
        Assert.True(steps.Count > 25, $"the page has {steps.Count} steps");
        Assert.Empty(steps.Select(FaultOf).OfType<string>());
    }

    private static string? FaultOf(Match step)
    {
        var (path, member) = (step.Groups["path"].Value, step.Groups["member"].Value);
        var line = int.Parse(step.Groups["line"].Value, CultureInfo.InvariantCulture);
        var file = Path.Combine(Repository.Root, path);
        if (!File.Exists(file))
            return $"{path} isn't there";
        var lines = File.ReadAllLines(file);
        bool Declares(string text) =>
            Regex.IsMatch(text, $@"^    (?:public|private|protected|internal)\b[^=;]*\b{member}[(<]");
        if (line <= lines.Length && Declares(lines[line - 1]))
            return null;
        var places = lines.Index().Where(l => Declares(l.Item)).Select(l => l.Index + 1);
        return $"{path}:{line} doesn't declare {member}; line {string.Join(" or ", places)} does";
    }

    [GeneratedRegex(@"`(?<path>src/[\w./]+\.cs):(?<line>\d+)` `(?<member>\w+)`")]
    private static partial Regex Steps();
}
