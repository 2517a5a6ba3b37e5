namespace Weft.EndToEnd;

/// <summary>The programs of Weft that are tried.</summary>
internal static class Programs
{
    /// <summary>
    /// A program: that of <c>WEFT_BIN</c>, as it is shipped, or the one that was built beside these tests.
    /// </summary>
    /// <param name="project">Where it is built: <c>Weft.Agent</c>.</param>
    public static string PathOf(string project, string name)
    {
        if (Environment.GetEnvironmentVariable("WEFT_BIN") is { Length: > 0 } shipped)
            return Path.Join(shipped, name);
        // Both stand beside each other in the artifacts: bin/Weft.EndToEnd/debug and bin/Weft.Server/debug.
        var here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        return Path.GetFullPath(Path.Join(here, "..", "..", project, Path.GetFileName(here), name));
    }
}
