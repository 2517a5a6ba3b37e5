namespace Weft.Testing;

/// <summary>Where the repository is: tests look at its files.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string directory) =>
        File.Exists(Path.Combine(directory, "Weft.slnx"))
            ? directory
            : Find(
                Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("no Weft.slnx above the tests")
            );
}
