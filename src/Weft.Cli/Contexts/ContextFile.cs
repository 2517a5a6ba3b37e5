using System.Text.Json;
using System.Text.Json.Nodes;
using Weft.Cli.Primitives;

namespace Weft.Cli.Contexts;

/// <summary>The file of contexts. Read whole, written whole: a crash leaves the old file or the new one.</summary>
internal sealed class ContextFile
{
    private ContextFile(string path) => Path = path;

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The context that commands use when none is named.</summary>
    public string? Current { get; set; }

    /// <summary>The contexts by name, in the order of their names.</summary>
    public SortedDictionary<string, Context> Contexts { get; } = new(StringComparer.Ordinal);

    /// <summary>Where the file is by the XDG base directory specification.</summary>
    public static string PathIn(IReadOnlyDictionary<string, string> environment)
    {
        // The specification calls a relative XDG_CONFIG_HOME invalid and to be ignored.
        if (environment.TryGetValue("XDG_CONFIG_HOME", out var config) && System.IO.Path.IsPathRooted(config))
            return System.IO.Path.Combine(config, "weft", "config.json");
        return System.IO.Path.Combine(environment.GetValueOrDefault("HOME", "/"), ".config", "weft", "config.json");
    }

    /// <summary>Reads the file; one that isn't there has no contexts.</summary>
    /// <exception cref="CliError">It can't be read, or is no such file.</exception>
    public static ContextFile Read(string path)
    {
        var file = new ContextFile(path);
        if (!File.Exists(path))
            return file;
        try
        {
            var root =
                JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new JsonException("it holds no object");
            file.Current = TextOf(root, "currentContext");
            foreach (var (name, node) in root["contexts"] as JsonObject ?? [])
                file.Contexts[name] = FromJson(
                    node as JsonObject ?? throw new JsonException($"context '{name}' is no object")
                );
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CliError(
                $"the contexts in {path} cannot be read: {e.Message}",
                next: "mend the file, or move it away and set the contexts again"
            );
        }

        return file;
    }

    /// <summary>Writes the file, for its owner only.</summary>
    public void Write()
    {
        var contexts = new JsonObject();
        foreach (var (name, context) in Contexts)
            contexts[name] = ToJson(context);
        var root = new JsonObject();
        if (Current is not null)
            root["currentContext"] = Current;
        root["contexts"] = contexts;
        PrivateFile.Write(Path, JsonFormatter.Indented(root) + "\n");
    }

    /// <summary>The context with a name.</summary>
    /// <exception cref="CliError">There is none.</exception>
    public Context Find(string name) =>
        Contexts.TryGetValue(name, out var context)
            ? context
            : throw new CliError(
                $"there is no context '{name}'",
                next: Contexts.Count == 0
                    ? $"weft config set-context {name} --server URL --token-file FILE"
                    : $"contexts: {string.Join(", ", Contexts.Keys)}"
            );

    private static Context FromJson(JsonObject json) =>
        new()
        {
            Server = TextOf(json, "server"),
            TokenFile = TextOf(json, "tokenFile"),
            Ca = TextOf(json, "ca"),
            Subscription = TextOf(json, "subscription"),
            ResourceGroup = TextOf(json, "resourceGroup"),
        };

    /// <summary>A context as the file spells it.</summary>
    public static JsonObject ToJson(Context context)
    {
        var json = new JsonObject();
        Add("server", context.Server);
        Add("tokenFile", context.TokenFile);
        Add("ca", context.Ca);
        Add("subscription", context.Subscription);
        Add("resourceGroup", context.ResourceGroup);
        return json;

        void Add(string name, string? value)
        {
            if (value is not null)
                json[name] = value;
        }
    }

    private static string? TextOf(JsonObject json, string name) =>
        json[name] switch
        {
            null => null,
            JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
            _ => throw new JsonException($"'{name}' is no text"),
        };
}
