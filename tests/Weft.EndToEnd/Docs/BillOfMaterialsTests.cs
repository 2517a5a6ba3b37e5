using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Weft.EndToEnd.Docs;

/// <summary>What the published programs are made of: <c>artifacts/weft/weft.spdx.json</c>, SPDX 2.2.</summary>
public sealed class BillOfMaterialsTests
{
    private static readonly string[] Programs = ["weft", "weft-agent", "weft-ipam", "weftd", "libe_sqlite3.so"];

    [Fact]
    public void Names_EveryPackage_AndEveryProgram()
    {
        var weft = Path.Join(Repository.Root, "artifacts", "weft");
        var file = Path.Join(weft, "weft.spdx.json");
        Assert.SkipUnless(File.Exists(file), "nothing is published: ./run publish");
        var bill = JsonNode.Parse(File.ReadAllText(file))!;
        Assert.Equal("SPDX-2.2", $"{bill["spdxVersion"]}");

        var named = bill["packages"]!
            .AsArray()
            .Select(package => $"{package!["name"]} {package["versionInfo"]}")
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        Assert.Superset(Locked(), named);
        Assert.Empty(
            bill["packages"]!
                .AsArray()
                .Where(package => $"{package!["licenseDeclared"]}" == "NOASSERTION")
                .Select(package => $"{package!["name"]}")
                // Itself, and one whose licence (MIT) is a file in the package.
                .Except(["weft", "Vecc.YamlDotNet.Analyzers.StaticGenerator"])
        );

        var digests = bill["files"]!.AsArray().ToDictionary(f => $"{f!["fileName"]}"[2..], Sha256);
        Assert.Equal(Programs.Order(StringComparer.Ordinal), digests.Keys.Order(StringComparer.Ordinal));
        Assert.All(Programs, name => Assert.Equal(DigestOf(PathOf(weft, name)), digests[name]));
    }

    /// <summary>Every package that a lock file names for this machine's programs, with its version.</summary>
    private static HashSet<string> Locked() =>
        Directory
            .GetFiles(Path.Join(Repository.Root, "src"), "packages.lock.json", SearchOption.AllDirectories)
            .Select(file => JsonNode.Parse(File.ReadAllText(file))!["dependencies"]!["net10.0"]!.AsObject())
            .SelectMany(packages => packages)
            .Where(package => $"{package.Value!["type"]}" != "Project")
            .Select(package => $"{package.Key} {package.Value!["resolved"]}")
            .ToHashSet(StringComparer.OrdinalIgnoreCase);

    private static string PathOf(string weft, string name) =>
        Path.Join(weft, name == "libe_sqlite3.so" ? "weftd" : name, name);

    private static string Sha256(JsonNode? file) =>
        $"{file!["checksums"]!.AsArray().Single(sum => $"{sum!["algorithm"]}" == "SHA256")!["checksumValue"]}";

    private static string DigestOf(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
