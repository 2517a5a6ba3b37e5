using System.Reflection;

namespace Weft.Tests.Architecture;

/// <summary>Whoever types what CONTRIBUTING says gets what it says.</summary>
public sealed class ContributingTests
{
    private static readonly IReadOnlyList<string[]> Commands =
    [
        .. File.ReadAllLines(Sources.At("CONTRIBUTING.md"))
            .SkipWhile(line => line != "## The loop")
            .Skip(1)
            .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("    ", StringComparison.Ordinal))
            .Select(line => line.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries)),
    ];

    [Fact]
    public void Names_ProgramsThatAreThere()
    {
        Assert.NotEmpty(Commands);
        Assert.All(Commands, command => Assert.True(IsThere(command), string.Join(' ', command)));
    }

    [Fact]
    public void Filters_ByAClassThatHasTests()
    {
        var filters = Commands
            .Where(command => command.Contains("-class"))
            .Select(command => command[Array.IndexOf(command, "-class") + 1])
            .ToList();
        Assert.NotEmpty(filters);
        Assert.All(
            filters,
            name =>
            {
                var tests = typeof(ContributingTests)
                    .Assembly.GetType(name)
                    ?.GetMethods(BindingFlags.Public | BindingFlags.Instance)
                    .Count(method => method.GetCustomAttributes().Any(a => a is FactAttribute));
                Assert.True(tests > 0, $"{name} has no test that could run");
            }
        );
    }

    /// <summary>A test program stands in the artifacts under its project's name.</summary>
    private static bool IsThere(string[] command) =>
        command switch
        {
            ["dotnet", "build", ..] => File.Exists(Sources.At("Weft.slnx")),
            [var program, ..] when program.Split('/') is ["artifacts", "bin", var project, _, var name] => project
                == name
                && File.Exists(Sources.At($"tests/{project}/{project}.csproj")),
            ["bench/run", var word, ..] => File.ReadAllText(Sources.At("bench/run"))
                .Contains(word, StringComparison.Ordinal),
            [var program, ..] => File.Exists(Sources.At(program))
                && File.GetUnixFileMode(Sources.At(program)).HasFlag(UnixFileMode.UserExecute),
            _ => false,
        };
}
