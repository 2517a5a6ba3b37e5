using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Weft.Cli;
using Weft.Resources;

namespace Weft.Tests.Cli;

/// <summary>
/// The program in this process: a directory of its own for settings and files, and a fake weftd behind it.
/// </summary>
internal sealed class CommandLine : IDisposable
{
    public const string Secret = "weft_adm_5e1f0secret";
    public const string Group = "/subscriptions/sub/resourceGroups/site";

    private SaidSoFar _error = new();

    public CommandLine()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(PathOf("admin.token"), Secret + "\n");
        Environment["XDG_CONFIG_HOME"] = PathOf("config");
        Environment["WEFT_SERVER"] = "http://127.0.0.1:7400";
        Environment["WEFT_TOKEN_FILE"] = PathOf("admin.token");
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), "weft-cli-" + Guid.NewGuid().ToString("N"));

    public FakeWeftd Weftd { get; } = new();

    public Dictionary<string, string> Environment { get; } = [];

    public string Input { get; set; } = "";

    public bool IsTerminal { get; set; }

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Whether the server is a real one, and the fake one stands aside.</summary>
    public bool UsesNetwork { get; set; }

    /// <summary>What <c>stdio</c> sends.</summary>
    public Func<Stream> OpenIn { get; set; } = () => Stream.Null;

    /// <summary>Where goes what <c>stdio</c> receives.</summary>
    public Func<Stream> OpenOut { get; set; } = () => new MemoryStream();

    /// <summary>What the run that goes on has said on stderr so far.</summary>
    public string ErrorSoFar => _error.ToString();

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Writes a file, and says where.</summary>
    public string WriteFile(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name))!);
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    /// <summary>Stores a resource at the fake server.</summary>
    public void Store(string typeAndName, string properties = "{}", string created = "2026-11-22T08:00:00Z")
    {
        var id = ResourceId.Parse(typeAndName.StartsWith('/') ? typeAndName : $"{Group}/providers/{typeAndName}").Value;
        Weftd.Resources[id.Key] = new JsonObject
        {
            ["id"] = id.ToString(),
            ["name"] = id.Name,
            ["type"] = id.Type.ToString(),
            ["location"] = "lab",
            ["properties"] = JsonNode.Parse(properties),
            ["systemData"] = new JsonObject { ["createdAt"] = created },
        };
    }

    /// <summary>Runs the program with the subscription and the group of these tests.</summary>
    public Task<ProgramRun> RunInGroup(params string[] args) => RunBare([.. args, "-s", "sub", "-g", "site"]);

    /// <summary>Runs the program.</summary>
    public async Task<ProgramRun> RunBare(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new SaidSoFar();
        _error = error;
        var environment = new CliEnvironment
        {
            Out = output,
            Error = error,
            In = new StringReader(Input),
            Variables = Environment,
            OutIsTerminal = IsTerminal,
            ErrorIsTerminal = IsTerminal,
            InIsTerminal = IsTerminal,
            Clock = Clock,
            HttpHandler = UsesNetwork ? null : Weftd,
            OpenIn = OpenIn,
            OpenOut = OpenOut,
            Program = "/usr/bin/weft",
        };
        var exit = await WeftProgram.RunAsync(args, environment);
        return new ProgramRun(exit, output.ToString(), error.ToString());
    }

    public static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? default : File.GetUnixFileMode(path);

    public static FakeTimeProvider ClockAt(string time) =>
        new(DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture));

    public void Dispose()
    {
        Weftd.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A writer that one thread may read while another writes.</summary>
    private sealed class SaidSoFar : StringWriter
    {
        private readonly Lock _gate = new();

        public SaidSoFar() => NewLine = "\n";

        public override void Write(char value)
        {
            lock (_gate)
                base.Write(value);
        }

        public override void Write(char[] buffer, int index, int count)
        {
            lock (_gate)
                base.Write(buffer, index, count);
        }

        public override void Write(string? value)
        {
            lock (_gate)
                base.Write(value);
        }

        public override string ToString()
        {
            lock (_gate)
                return base.ToString();
        }
    }

    internal sealed record ProgramRun(int Exit, string Out, string Error);
}
