using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Weft.Attachments.Plugins;
using Weft.Resources;

namespace Weft.Attachments.Admission;

/// <summary>The CNI configuration within a definition, as plugins read it: one plugin or a list.</summary>
/// <param name="Plugins">The plugins in their order; none where it has neither <c>type</c> nor <c>plugins</c>.</param>
internal sealed record CniConfig(JsonElement Root, ImmutableArray<JsonElement> Plugins)
{
    /// <summary>The first plugin: it makes the interface.</summary>
    public JsonElement MainPlugin => Plugins.IsEmpty ? default : Plugins[0];

    /// <summary>The first plugin's type, or empty.</summary>
    public string Type => Text(MainPlugin, "type") ?? "";

    /// <summary>What is known of the first plugin's program.</summary>
    public CniBinary Binary => PluginRegistry.BinaryOf(Type);

    /// <summary>The interface whose children may be of the first plugin's kind alone, or null.</summary>
    public string? HeldMaster => Binary.HoldsMaster ? Text(MainPlugin, "master") : null;

    /// <summary>The <c>ipam</c> section of the first plugin.</summary>
    public JsonElement Ipam => Get(MainPlugin, "ipam");

    /// <summary>Which IPAM plugin it asks; empty where none.</summary>
    public string IpamType => Text(Ipam, "type") ?? "";

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text of <c>spec.config</c>.</param>
    /// <param name="why">Why it can't be read, with line and byte.</param>
    /// <returns>The configuration, or null.</returns>
    public static CniConfig? Parse(string text, out string why)
    {
        why = "";
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 64 });
            var root = document.RootElement.Clone();
            if (root.ValueKind != JsonValueKind.Object)
            {
                why = $"it is {DescribeKind(root)} and no object";
                return null;
            }

            var plugins =
                Get(root, "plugins").ValueKind == JsonValueKind.Array
                    ? [.. Get(root, "plugins").EnumerateArray().Where(p => p.ValueKind == JsonValueKind.Object)]
                : Text(root, "type") is not null ? ImmutableArray.Create(root)
                : [];
            return new CniConfig(root, plugins);
        }
        catch (JsonException e)
        {
            why = DescribeError(e);
            return null;
        }
    }

    /// <summary>Where JSON breaks off, and why.</summary>
    public static string DescribeError(JsonException e) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"line {(e.LineNumber ?? 0) + 1}, byte {(e.BytePositionInLine ?? 0) + 1}: {e.Message.Split(" LineNumber", 2)[0].TrimEnd('.')}"
        );

    /// <summary>A member as Go reads it: by its name, else by its name in other letters.</summary>
    /// <returns>Its value, undefined where there is none.</returns>
    public static JsonElement Get(JsonElement element, string name)
    {
        if (element.ValueKind != JsonValueKind.Object)
            return default;
        if (element.Member(name) is { ValueKind: not JsonValueKind.Undefined } exact)
            return exact;
        foreach (var member in element.EnumerateObject())
        {
            if (
                string.Equals(member.Name, name, StringComparison.OrdinalIgnoreCase)
                && member.Value.ValueKind != JsonValueKind.Null
            )
                return member.Value;
        }

        return default;
    }

    /// <summary>Whether an object has a member, <c>null</c> or not.</summary>
    public static bool Has(JsonElement element, string name) => Get(element, name).ValueKind != JsonValueKind.Undefined;

    /// <summary>A text member.</summary>
    /// <returns>The text, or null.</returns>
    public static string? Text(JsonElement element, string name) =>
        Get(element, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>What is known of a plugin's program.</summary>
    /// <param name="plugin">The plugin's configuration.</param>
    public static CniBinary BinaryOf(JsonElement plugin) => PluginRegistry.BinaryOf(Text(plugin, "type") ?? "");

    /// <summary>What sort of JSON a value is, for a person.</summary>
    public static string DescribeKind(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.String => "a text",
            JsonValueKind.Number => "a number",
            JsonValueKind.True or JsonValueKind.False => "a truth value",
            JsonValueKind.Array => "a list",
            JsonValueKind.Object => "an object",
            _ => "null",
        };
}
