using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Weft.Contracts;

namespace Weft.Cni.Trunk;

/// <summary>The upstream <c>ipvlan</c> plugin, asked for one VLAN's interface at a time.</summary>
/// <remarks>CNI specification 1.1.0, section 4 "Plugin delegation".</remarks>
internal sealed class IpvlanDelegate(IHost host, Invocation invocation, string name, TrunkConfiguration trunk)
{
    private const string PluginName = "ipvlan";

    /// <summary>The version that it is spoken to in: every release of the plugin since 1.0 knows it.</summary>
    private const string ResultVersion = "1.0.0";

    /// <summary>The name of a VLAN's interface in the pod.</summary>
    /// <returns>Such as <c>net1.602</c>.</returns>
    internal string InterfaceNameOf(TrunkVlan vlan) =>
        string.Create(CultureInfo.InvariantCulture, $"{invocation.Interface}.{vlan.Id}");

    /// <summary>Asks the plugin.</summary>
    /// <param name="previous">The result that CHECK compares with, or null.</param>
    /// <param name="result">Its result; none for a command that has none.</param>
    internal bool TryInvoke(
        string command,
        TrunkVlan vlan,
        Action<Utf8JsonWriter>? previous,
        out JsonElement result,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (result, error) = (default, null);
        var folders = (host.GetVariable("CNI_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        if (
            Array.Find(folders.Select(folder => $"{folder.TrimEnd('/')}/{PluginName}").ToArray(), host.IsExecutable)
            is not { } file
        )
        {
            error = new CniError(
                ErrorCode.PluginUnavailable,
                $"the upstream plugin '{PluginName}' isn't in CNI_PATH ({string.Join(':', folders)})"
            );
            return false;
        }

        // Requests for the pod's one interface can't be meant for each of several, so they don't reach the delegate.
        (string, string)[] environment =
        [
            ("CNI_COMMAND", command),
            ("CNI_IFNAME", InterfaceNameOf(vlan)),
            ("CNI_ARGS", WithoutRequests(invocation.Arguments)),
        ];
        if (!host.TryRun(file, environment, WriteConfiguration(command, vlan, previous), out var run, out var why))
            error = new CniError(ErrorCode.PluginUnavailable, $"{file} can't be run", why);
        else if (run.Status != 0)
            error = ErrorOf(vlan, file, run);
        else if (command == "ADD")
            error = ReadResult(file, run, out result);
        return error is null;
    }

    private static string WithoutRequests(string arguments) =>
        string.Join(
            ';',
            arguments
                .Split(';', StringSplitOptions.RemoveEmptyEntries)
                .Where(pair =>
                    !pair.StartsWith("IP=", StringComparison.Ordinal)
                    && !pair.StartsWith("MAC=", StringComparison.Ordinal)
                )
        );

    /// <summary>Its own error, with the VLAN before it: its number is what a runtime decides by.</summary>
    private static CniError ErrorOf(TrunkVlan vlan, string file, PluginExit run)
    {
        try
        {
            var error = StrictJson.ParseObject(run.Output);
            if (error.TryGetMember("code", out var code) && code.TryGetInt32(out var number) && number > 0)
                return new CniError(
                    (ErrorCode)number,
                    $"VLAN {vlan.Id}: {error.TextOf("msg")}",
                    error.TextOf("details")
                );
        }
        catch (JsonException)
        {
            // Said below: it ended badly and didn't say why in a way that can be read.
        }

        return new CniError(
            ErrorCode.PluginUnavailable,
            $"VLAN {vlan.Id}: {file} ended with status {run.Status} and no error that can be read",
            System.Text.Encoding.UTF8.GetString(run.Output.Span)
        );
    }

    private static CniError? ReadResult(string file, PluginExit run, out JsonElement result)
    {
        result = default;
        try
        {
            result = StrictJson.ParseObject(run.Output);
            return null;
        }
        catch (JsonException e)
        {
            return new CniError(ErrorCode.PluginUnavailable, $"{file} gave a result that is none", e.Message);
        }
    }

    private ReadOnlyMemory<byte> WriteConfiguration(string command, TrunkVlan vlan, Action<Utf8JsonWriter>? previous)
    {
        var text = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            // STATUS exists since 1.1.0 alone.
            json.WriteString("cniVersion", command == "STATUS" ? "1.1.0" : ResultVersion);
            json.WriteString("name", name);
            json.WriteString("type", PluginName);
            json.WriteString("master", string.Create(CultureInfo.InvariantCulture, $"{trunk.Master}.{vlan.Id}"));
            json.WriteString("mode", trunk.Mode);
            if (vlan.Mtu > 0)
                json.WriteNumber("mtu", vlan.Mtu);
            WriteIpam(json, vlan);
            previous?.Invoke(json);
            json.WriteEndObject();
        }

        return text.WrittenMemory;
    }

    private void WriteIpam(Utf8JsonWriter json, TrunkVlan vlan)
    {
        json.WriteStartObject("ipam");
        json.WriteString("type", vlan.Network is null ? "static" : "weft-ipam");
        if (vlan.Network is not null)
        {
            json.WriteString("network", vlan.Network);
            if (trunk.Socket is not null)
                json.WriteString("socket", trunk.Socket);
        }
        else
        {
            json.WriteStartArray("addresses");
            foreach (var address in vlan.RequestedAddresses)
            {
                json.WriteStartObject();
                json.WriteString("address", address);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        if (vlan.Network is null || vlan.RequestedAddresses.Count == 0)
            return;
        json.WriteStartObject("args");
        json.WriteStartObject("cni");
        json.WriteStartArray("ips");
        foreach (var address in vlan.RequestedAddresses)
            json.WriteStringValue(address);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
