using Weft.Cli.Contexts;

namespace Weft.Cli.Documents;

/// <summary>Everything that <c>-f</c> names, read whole: all of it is good, or nothing is sent.</summary>
internal static class DocumentReader
{
    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    /// <summary>Reads all documents.</summary>
    /// <param name="paths">Files, directories and <c>-</c>.</param>
    /// <param name="stdin">What <c>-</c> reads.</param>
    /// <param name="settings">The subscription and the resource group of names.</param>
    /// <returns>The resources in the order of their files.</returns>
    /// <exception cref="CliError">Something is wrong; it carries every finding of every file.</exception>
    public static IReadOnlyList<Document> Read(IReadOnlyList<string> paths, TextReader stdin, Settings settings)
    {
        var findings = new List<Finding>();
        var resources = new ResourceReader(settings, findings);
        var documents = paths
            .SelectMany(path => FindFiles(path, findings))
            .SelectMany(file => ReadFile(file, stdin, findings))
            .SelectMany(resources.Read)
            .ToList();
        if (findings.Count > 0)
            throw new CliError(
                $"the documents have {(findings.Count == 1 ? "an error" : $"{findings.Count} errors")}; nothing was sent",
                [.. findings.Select(f => f.ToString())]
            );
        return documents.Count > 0
            ? documents
            : throw new CliError(
                $"no resources in {string.Join(", ", paths)}",
                next: "a resource is an object with 'id', or with 'type' and 'name'"
            );
    }

    /// <summary>Reads all documents as they are, whatever they are: manifests of Kubernetes.</summary>
    /// <param name="paths">Files, directories and <c>-</c>.</param>
    /// <param name="stdin">What <c>-</c> is.</param>
    /// <exception cref="CliError">One can't be read; it carries every finding of every file.</exception>
    public static IReadOnlyList<RawDocument> ReadRaw(IReadOnlyList<string> paths, TextReader stdin)
    {
        var findings = new List<Finding>();
        var documents = paths
            .SelectMany(path => FindFiles(path, findings))
            .SelectMany(file => ReadFile(file, stdin, findings))
            .ToList();
        return findings.Count == 0
            ? documents
            : throw new CliError(
                $"the documents have {(findings.Count == 1 ? "an error" : $"{findings.Count} errors")}",
                [.. findings.Select(f => f.ToString())]
            );
    }

    private static List<string> FindFiles(string path, List<Finding> findings)
    {
        if (path == "-" || File.Exists(path))
            return [path];
        if (Directory.Exists(path))
        {
            var options = new EnumerationOptions
            {
                RecurseSubdirectories = true,
                AttributesToSkip = FileAttributes.Hidden,
            };
            return
            [
                .. Directory
                    .EnumerateFiles(path, "*", options)
                    .Where(file => Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
                    .Order(StringComparer.Ordinal),
            ];
        }

        findings.Add(new Finding(new SourceLocation(path, 0, 0), "there is no such file or directory"));
        return [];
    }

    private static List<RawDocument> ReadFile(string file, TextReader stdin, List<Finding> findings)
    {
        try
        {
            var name = file == "-" ? "stdin" : file;
            var text = file == "-" ? stdin.ReadToEnd() : File.ReadAllText(file);
            using var reader = new StringReader(text);
            return IsJson(file, text) ? JsonReader.Read(name, text, findings) : YamlReader.Read(name, reader, findings);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings.Add(new Finding(new SourceLocation(file, 0, 0), $"it cannot be read: {e.Message}"));
            return [];
        }
    }

    // What comes from stdin has no name to go by; JSON begins with a bracket, and YAML in flow style that does so is
    // JSON enough.
    private static bool IsJson(string file, string text) =>
        file == "-"
            ? text.AsSpan().TrimStart() is ['{' or '[', ..]
            : Path.GetExtension(file).Equals(".json", StringComparison.OrdinalIgnoreCase);
}
