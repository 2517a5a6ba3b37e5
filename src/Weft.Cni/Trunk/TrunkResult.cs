using System.Text.Json;
using Weft.Contracts;

namespace Weft.Cni.Trunk;

/// <summary>The results of all VLANs as one, and the part of one VLAN of it.</summary>
/// <remarks>
/// CNI specification 1.1.0, section 5 "ADD Success": an address says its interface by its index in the list.
/// </remarks>
internal static class TrunkResult
{
    /// <summary>Merges the results of the delegate.</summary>
    /// <exception cref="JsonException">A result has a member of another kind.</exception>
    internal static ReadOnlyMemory<byte> Merge(string version, IReadOnlyList<JsonElement> results) =>
        PluginOutput.Write(
            version,
            json =>
            {
                json.WriteStartArray("interfaces");
                foreach (var item in results.SelectMany(result => result.ListOf("interfaces")))
                    item.WriteTo(json);
                json.WriteEndArray();
                json.WriteStartArray("ips");
                var before = 0;
                foreach (var result in results)
                {
                    foreach (var address in result.ListOf("ips"))
                        WriteAddress(json, address, before);
                    before += result.ListOf("interfaces").Count();
                }

                json.WriteEndArray();
                if (results.SelectMany(result => result.ListOf("routes")).ToList() is { Count: > 0 } routes)
                {
                    json.WriteStartArray("routes");
                    routes.ForEach(route => route.WriteTo(json));
                    json.WriteEndArray();
                }

                json.WriteStartObject("dns");
                json.WriteEndObject();
            }
        );

    /// <summary>
    /// Writes the <c>prevResult</c> of one interface. Routes stay away: the merged result doesn't say whose they are,
    /// and the delegate would look for all of them.
    /// </summary>
    /// <returns>False where the result has no such interface.</returns>
    /// <exception cref="JsonException">A member is of another kind.</exception>
    internal static bool TryGetPreviousResult(JsonElement root, string name, out Action<Utf8JsonWriter>? write)
    {
        write = null;
        if (!root.TryGetObject("prevResult", out var previous))
            return false;
        var interfaces = previous.ListOf("interfaces").ToList();
        var index = interfaces.FindIndex(item => item.ValueKind == JsonValueKind.Object && item.TextOf("name") == name);
        if (index < 0)
            return false;
        var addresses = previous
            .ListOf("ips")
            .Where(address =>
                address.TryGetMember("interface", out var at) && at.TryGetInt32(out var number) && number == index
            )
            .ToList();
        write = json =>
        {
            json.WriteStartObject("prevResult");
            json.WriteString("cniVersion", "1.0.0");
            json.WriteStartArray("interfaces");
            interfaces[index].WriteTo(json);
            json.WriteEndArray();
            json.WriteStartArray("ips");
            addresses.ForEach(address => WriteAddress(json, address, -index));
            json.WriteEndArray();
            json.WriteStartObject("dns");
            json.WriteEndObject();
            json.WriteEndObject();
        };
        return true;
    }

    private static void WriteAddress(Utf8JsonWriter json, JsonElement address, int shift)
    {
        json.WriteStartObject();
        var index = address.TryGetMember("interface", out var at) && at.TryGetInt32(out var number) ? number : 0;
        json.WriteNumber("interface", index + shift);
        foreach (var member in address.EnumerateObject().Where(member => member.Name != "interface"))
            member.WriteTo(json);
        json.WriteEndObject();
    }
}
