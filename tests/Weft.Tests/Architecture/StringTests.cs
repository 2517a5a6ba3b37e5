namespace Weft.Tests.Architecture;

/// <summary>
/// Words that stand for something of an upper room: written again in a lower one they would be a reference that the
/// table of imports doesn't see, and a second place to change.
/// </summary>
public sealed class StringTests
{
    [Theory]
    [InlineData("\"lease:", "src/Weft/Resources/Row.cs")]
    [InlineData("\"defaultcni", "src/Weft/Networks/Network.cs")]
    [InlineData("\"virtualMachines\"", "src/Weft/Fabric/NetworkCloudProvider.cs")]
    [InlineData("\"kubernetesClusters", "src/Weft/Fabric/NetworkCloudProvider.cs")]
    [InlineData("agentPools\"", "src/Weft/Fabric/NetworkCloudProvider.cs")]
    [InlineData("authorizationRules\"", "src/Weft/Access/RelayAuthorizationRule.cs")]
    [InlineData("hybridConnections\"", "src/Weft/Access/HybridConnection.cs")]
    [InlineData("\"listCredentials\"", "src/Weft/Access/TargetConnection.cs")]
    public void Writes_AWordInOnePlace(string word, string place) =>
        Assert.Equal(
            [place],
            Sources()
                .Where(source => File.ReadAllText(source).Contains(word, StringComparison.Ordinal))
                .Select(source => Path.GetRelativePath(Repository.Root, source))
                .Order(StringComparer.Ordinal)
        );

    /// <summary>The library, and the program that is built of it in one process.</summary>
    private static IEnumerable<string> Sources() =>
        new[] { "src/Weft", "src/Weft.Server" }.SelectMany(project =>
            Directory
                .GetFiles(Path.Combine(Repository.Root, project), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
        );
}
