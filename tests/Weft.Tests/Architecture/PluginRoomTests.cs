using System.Text.RegularExpressions;
using Weft.Attachments.DevicePools;
using Weft.Attachments.Plugins;

namespace Weft.Tests.Architecture;

/// <summary>
/// A plugin is one room: what it is called, which CNI plugins it names and what follows from either is said in its
/// folder, and everybody else asks <see cref="IPlugin"/>.
/// </summary>
public sealed partial class PluginRoomTests
{
    private const string Room = "src/Weft/Attachments/Plugins/";

    private const string Drivers = "src/Weft/Attachments/DevicePools/DeviceDrivers.cs";

    private static readonly (string File, string Because)[] Exceptions =
    [
        (
            "src/Weft/Networks/NetworkKind.cs",
            "an older API's closed list, which is ignored; it stands below the plugins"
        ),
        ("src/Weft.Cni/Trunk/TrunkPlugin.cs", "it is itself a CNI plugin, started for each pod, and names itself"),
        ("src/Weft.Cni/Trunk/IpvlanDelegate.cs", "it calls the upstream plugin, and speaks its protocol"),
        ("src/Weft.Agent/Nodes/Planning/PortPlanner.cs", "kinds of links, as the kernel calls them"),
        ("src/Weft.Agent/Inventory/InventoryReader.cs", "kinds of links, as the kernel calls them"),
        (
            "src/Weft/Attachments/Formats/MachineFormats.cs",
            "KubeVirt's words for how a host joins a machine to a network"
        ),
        ("src/Weft.Cli/Commands/RenderFormat.cs", "options that choose how a host joins a machine to a network"),
    ];

    /// <summary>The name of a CNI plugin that is also a member's name all over.</summary>
    private const string AmbiguousBinary = "vlan";

    private static readonly string[] Words =
    [
        .. PluginRegistry.All.Select(plugin => $@"\b{Regex.Escape(plugin.Name)}\b"),
        .. PluginRegistry.All.Select(plugin => $@"\b{plugin.GetType().Name}\b"),
        .. PluginRegistry
            .All.SelectMany(plugin => plugin.Binaries)
            .Concat(ForeignBinaries.All)
            .Select(binary => binary.Name)
            .Distinct()
            .Where(name => name != AmbiguousBinary)
            .Select(name => $"\"{Regex.Escape(name)}\""),
    ];

    [Fact]
    public void Names_APluginInItsRoomOnly()
    {
        var excepted = Exceptions.Select(exception => exception.File);
        Assert.Empty(
            FilesNaming(Words)
                .Where(named =>
                    !named.File.StartsWith(Room, StringComparison.Ordinal) && !excepted.Contains(named.File)
                )
                .Select(named => $"{named.File}:{named.Line}: {named.Word}: ask IPlugin or CniBinary what it does")
        );
    }

    [Fact]
    public void Excepts_NoFileThatNamesNone()
    {
        var naming = FilesNaming(Words).Select(named => named.File).ToHashSet();
        Assert.DoesNotContain(Exceptions, exception => !naming.Contains(exception.File));
    }

    [Fact]
    public void Names_EachVendorAndDriverOnce()
    {
        var code = CodeOf(Path.Combine(Repository.Root, Drivers)).Select(line => line.Text);
        var literals = code.SelectMany(line => Literals().Matches(line)).Select(match => match.Value).Distinct();
        // It stands for any of the kernel's drivers, and is a member's name elsewhere.
        var names = literals.Where(literal => literal != $"\"{DeviceDrivers.AnyOfKernel}\"").Select(Regex.Escape);
        string[] words = [.. names, .. ((string[])[DeviceDrivers.Vfio, DeviceDrivers.Mlx5]).Select(Regex.Escape)];
        Assert.NotEmpty(words);
        Assert.Empty(
            FilesNaming(words)
                .Where(named => named.File != Drivers)
                .Select(named => $"{named.File}:{named.Line}: {named.Word} stands in {Drivers}")
        );
    }

    [Fact]
    public void Registers_EveryPlugin()
    {
        var classes = typeof(IPlugin)
            .Assembly.GetTypes()
            .Where(type => type.IsClass && type.IsAssignableTo(typeof(IPlugin)));
        Assert.Equal(
            classes.Select(type => type.Name).Order(),
            PluginRegistry.All.Select(plugin => plugin.GetType().Name).Order()
        );
        Assert.Equal(PluginRegistry.All.Length, PluginRegistry.All.DistinctBy(plugin => plugin.Name).Count());
    }

    [Fact]
    public void Lists_NamesAsTheApiHasThem() =>
        Assert.StartsWith("DPDK|*SRIOV|OSDevice|MACVLAN|IPVLAN", PluginRegistry.SchemaValues, StringComparison.Ordinal);

    [Theory]
    [InlineData("// SRIOV", false)]
    [InlineData("/// by SRIOV", false)]
    [InlineData("x = \"by SRIOV\";", true)]
    [InlineData("x = PluginType.SRIOV;", true)]
    [InlineData("x = SriovCard;", false)]
    public void Reads_CodeAndNotComments(string line, bool isNamed) =>
        Assert.Equal(isNamed, StripComment(line) is { } code && Words.Any(word => Regex.IsMatch(code, word)));

    private static IEnumerable<(string File, int Line, string Word)> FilesNaming(string[] words) =>
        Directory
            .GetFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Select(file => (Path: file, File: Path.GetRelativePath(Repository.Root, file)))
            .Where(file => !file.File.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(file =>
                CodeOf(file.Path)
                    .SelectMany(line =>
                        words
                            .Where(word => Regex.IsMatch(line.Text, word))
                            .Select(word => (file.File, line.Number, Regex.Unescape(word)))
                    )
            );

    private static IEnumerable<(int Number, string Text)> CodeOf(string path) =>
        File.ReadLines(path)
            .Select((text, i) => (Number: i + 1, Text: StripComment(text)!))
            .Where(line => line.Text is not null);

    private static string? StripComment(string line) =>
        line.TrimStart().StartsWith("//", StringComparison.Ordinal) ? null : line;

    [GeneratedRegex("\"[^\"]+\"")]
    private static partial Regex Literals();
}
