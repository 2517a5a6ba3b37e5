using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Weft.Addressing;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>What the plugin prints on stdout: results, errors and versions, each one line of JSON.</summary>
/// <remarks>CNI specification 1.1.0, section 5, "Result Types", and the same of 0.2.0 and 0.4.0.</remarks>
internal static class PluginOutput
{
    // Nothing here is ever put into a web page; quotes and names in messages stay legible in a node's log.
    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The result of VERSION.</summary>
    /// <param name="asked">The version the runtime speaks, which is said back to it.</param>
    internal static ReadOnlyMemory<byte> WriteVersions(string asked, CniVersion[] served) =>
        Write(
            asked,
            json =>
            {
                json.WriteStartArray("supportedVersions");
                foreach (var version in served)
                    json.WriteStringValue(version.Text);
                json.WriteEndArray();
            }
        );

    /// <summary>An error.</summary>
    /// <param name="version">The configuration's version, as it stands there.</param>
    internal static ReadOnlyMemory<byte> WriteError(string version, CniError error) =>
        Write(
            version,
            json =>
            {
                json.WriteNumber("code", (int)error.Code);
                json.WriteString("msg", error.Message);
                json.WriteString("details", error.Details ?? "");
            }
        );

    /// <summary>The result of ADD.</summary>
    /// <param name="version">The version asked for; it decides the form.</param>
    /// <param name="routes">The routes of the configuration, which follow the network's.</param>
    internal static ReadOnlyMemory<byte> WriteResult(
        CniVersion version,
        PodLease lease,
        IReadOnlyList<LeaseRoute> routes
    ) =>
        Write(
            version.Text,
            json =>
            {
                List<LeaseRoute> all = [.. lease.Routes, .. routes];
                if (version.Format == ResultFormat.PerFamily)
                {
                    WriteFamily(json, "ip4", AddressFamily.IPv4, lease, all);
                    WriteFamily(json, "ip6", AddressFamily.IPv6, lease, all);
                }
                else
                {
                    WriteAddresses(json, version.Format, lease);
                    WriteRoutes(json, all);
                }

                json.WriteStartObject("dns");
                json.WriteEndObject();
            }
        );

    private static void WriteFamily(
        Utf8JsonWriter json,
        string name,
        AddressFamily family,
        PodLease lease,
        List<LeaseRoute> routes
    )
    {
        foreach (var address in lease.Addresses)
        {
            if (address.ParsedAddress?.Family != family)
                continue;
            json.WriteStartObject(name);
            json.WriteString("ip", address.Address);
            if (address.Gateway is not null)
                json.WriteString("gateway", address.Gateway);
            WriteRoutes(json, routes.FindAll(route => route.Family == family));
            json.WriteEndObject();
            return; // The form has room for one address per family, and a lease has no more.
        }
    }

    private static void WriteAddresses(Utf8JsonWriter json, ResultFormat format, PodLease lease)
    {
        json.WriteStartArray("ips");
        foreach (var address in lease.Addresses)
        {
            json.WriteStartObject();
            if (format == ResultFormat.ListWithVersion)
                json.WriteString("version", address.ParsedAddress?.Family == AddressFamily.IPv4 ? "4" : "6");
            json.WriteString("address", address.Address);
            if (address.Gateway is not null)
                json.WriteString("gateway", address.Gateway);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRoutes(Utf8JsonWriter json, List<LeaseRoute> routes)
    {
        if (routes.Count == 0)
            return;
        json.WriteStartArray("routes");
        foreach (var route in routes)
        {
            json.WriteStartObject();
            json.WriteString("dst", route.Dst);
            if (route.Gw is not null)
                json.WriteString("gw", route.Gw);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>One line of JSON.</summary>
    internal static ReadOnlyMemory<byte> Write(string version, Action<Utf8JsonWriter> members)
    {
        var line = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(line, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("cniVersion", version);
            members(json);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return line.WrittenMemory;
    }
}
