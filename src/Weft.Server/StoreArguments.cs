namespace Weft.Server;

/// <summary>The words behind <c>weftd backup</c>, <c>check</c> or <c>restore</c>.</summary>
/// <param name="File">The file that is named; null where none is.</param>
/// <param name="Values">The options that were given, each with its last value; a flag's is empty.</param>
/// <param name="Mistakes">Everything that is wrong with them.</param>
internal sealed record StoreArguments(
    string? File,
    IReadOnlyDictionary<string, string> Values,
    IReadOnlyList<string> Mistakes
)
{
    private static readonly Dictionary<string, string[]> Options = new(StringComparer.Ordinal)
    {
        ["backup"] = ["--data", "--force"],
        ["check"] = ["--data", "--accept-loss", "--without-registration", "--output"],
        ["restore"] = ["--data", "--without-registration"],
    };

    private static readonly string[] WithValue = ["--data", "--output"];

    /// <summary>Reads them; every mistake is said at once.</summary>
    public static StoreArguments Read(string command, IReadOnlyList<string> words)
    {
        var (files, values, mistakes) = (
            new List<string>(),
            new Dictionary<string, string>(StringComparer.Ordinal),
            new List<string>()
        );
        for (var i = 0; i < words.Count; i++)
        {
            // As everywhere: --data DIR and --data=DIR.
            var parts = words[i].Split('=', 2);
            if (!words[i].StartsWith('-'))
                files.Add(words[i]);
            else if (!Options[command].Contains(parts[0]))
                mistakes.Add($"{command} has no option '{parts[0]}'; it has {string.Join(", ", Options[command])}");
            else if (!WithValue.Contains(parts[0]))
                values[parts[0]] = "";
            else if (parts.Length == 2 || i + 1 < words.Count)
                values[parts[0]] = parts.Length == 2 ? parts[1] : words[++i];
            else
                mistakes.Add($"{parts[0]} needs a value");
        }

        AddMistakes(command, files, values, mistakes);
        return new StoreArguments(files.FirstOrDefault(), values, mistakes);
    }

    private static void AddMistakes(
        string command,
        List<string> files,
        Dictionary<string, string> values,
        List<string> mistakes
    )
    {
        if (files.Count > 1)
            mistakes.Add($"{command} takes one FILE, and {files.Count} are named: {string.Join(", ", files)}");
        if (files.Count == 0 && command != "check")
            mistakes.Add($"{command} needs a FILE: weftd {command} FILE --data DIR");
        if (files.Count > 0 && command == "check" && values.ContainsKey("--data"))
            mistakes.Add("check takes a FILE or --data DIR, not both");
        if (files.Count > 0 && values.ContainsKey("--accept-loss"))
            mistakes.Add("--accept-loss is about the store of a data directory: give --data DIR and no FILE");
        if (values.ContainsKey("--without-registration") && command == "check" && !values.ContainsKey("--accept-loss"))
            mistakes.Add("--without-registration goes with --accept-loss");
        if (values.TryGetValue("--output", out var output) && output is not ("table" or "json"))
            mistakes.Add($"--output: '{output}' is no form; write table or json");
    }
}
