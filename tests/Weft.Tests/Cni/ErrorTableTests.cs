using System.Globalization;
using System.Text.RegularExpressions;
using Weft.Cni;
using Weft.Contracts;

namespace Weft.Tests.Cni;

/// <summary>docs/specs/cni.md and the code hold the same table of errors.</summary>
public sealed partial class ErrorTableTests
{
    private static readonly (int Code, string When)[] Table = ReadTable();

    [Fact]
    public void Holds_SameCodes_AsSpec() =>
        Assert.Equal(Table.Select(row => row.Code), Enum.GetValues<ErrorCode>().Select(code => (int)code).Order());

    [Fact]
    public void Maps_RefusalsOfSpec_ToTheirRow()
    {
        var rows = Table
            .SelectMany(row => Refusals().Matches(row.When).Select(match => (row, Refusal: match.Groups[1].Value)))
            .ToArray();

        Assert.Equal(12, rows.Length);
        foreach (var (row, refusal) in rows)
        {
            var command = row.When.StartsWith("CHECK", StringComparison.Ordinal) ? Command.Check : Command.Add;
            Assert.True(Enum.TryParse<RefusalCode>(refusal, out _), refusal);
            Assert.Equal(row.Code, (int)new SocketResponse(null, refusal, "").ToError(command)!.Code);
        }
    }

    private static (int Code, string When)[] ReadTable()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "docs/specs/cni.md")))
            directory = directory.Parent ?? throw new FileNotFoundException("docs/specs/cni.md");
        return
        [
            .. File.ReadLines(Path.Combine(directory.FullName, "docs/specs/cni.md"))
                .Select(line => Row().Match(line))
                .Where(match => match.Success)
                .Select(match =>
                    (int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), match.Groups[2].Value)
                ),
        ];
    }

    [GeneratedRegex(@"^\| (\d+) \| (.*) \|$")]
    private static partial Regex Row();

    [GeneratedRegex("`([A-Z][A-Za-z]+[a-z])`")]
    private static partial Regex Refusals();
}
