using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace Weft.Cni.Trunk;

/// <summary>The upstream <c>ipvlan</c> plugin, asked for one VLAN's interface at a time.</summary>
/// <remarks>CNI specification 1.1.0, section 4 "Plugin delegation".</remarks>
internal sealed class Delegate(IEdge edge, Invocation invocation, string name, TrunkConfiguration trunk)
{
    private const string Plugin = "ipvlan";

    /// <summary>The version that it is spoken to in: every release of the plugin since 1.0 knows it.</summary>
    private const string Version = "1.0.0";

    /// <summary>The name of a VLAN's interface in the pod.</summary>
    /// <returns>Such as <c>net1.602</c>.</returns>
    internal string InterfaceOf(TrunkVlan vlan) => string.Create(CultureInfo.InvariantCulture, $"{invocation.Interface}.{vlan.Id}");

    /// <summary>Asks the plugin.</summary>
    /// <param name="previous">The result that CHECK compares with, or null.</param>
    /// <param name="result">Its result; none for a verb that has none.</param>
    internal bool TryAsk(string command, TrunkVlan vlan, Action<Utf8JsonWriter>? previous, out JsonElement result, [NotNullWhen(false)] out Failure? failure)
    {
        (result, failure) = (default, null);
        var folders = (edge.Variable("CNI_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(folders.Select(folder => $"{folder.TrimEnd('/')}/{Plugin}").ToArray(), edge.HasFile) is not { } file)
        {
            failure = new Failure(ErrorCode.PluginUnavailable, $"the upstream plugin '{Plugin}' isn't in CNI_PATH ({string.Join(':', folders)})");
            return false;
        }

        // Wishes for the pod's one interface can't be meant for each of several, so they don't reach the delegate.
        (string, string)[] environment = [("CNI_COMMAND", command), ("CNI_IFNAME", InterfaceOf(vlan)), ("CNI_ARGS", WithoutWishes(invocation.Arguments))];
        if (!edge.TryRun(file, environment, ConfigurationOf(command, vlan, previous), out var run, out var why))
            failure = new Failure(ErrorCode.PluginUnavailable, $"{file} can't be run", why);
        else if (run.Status != 0)
            failure = FailureOf(vlan, file, run);
        else if (command == "ADD")
            failure = Read(file, run, out result);
        return failure is null;
    }

    private static string WithoutWishes(string arguments) => string.Join(';', arguments.Split(';', StringSplitOptions.RemoveEmptyEntries)
        .Where(pair => !pair.StartsWith("IP=", StringComparison.Ordinal) && !pair.StartsWith("MAC=", StringComparison.Ordinal)));

    /// <summary>Its own error, with the VLAN before it: its number is what a runtime decides by.</summary>
    private static Failure FailureOf(TrunkVlan vlan, string file, PluginRun run)
    {
        try
        {
            var error = JsonText.ParseObject(run.Output);
            if (error.TryGetMember("code", out var code) && code.TryGetInt32(out var number) && number > 0)
                return new Failure((ErrorCode)number, $"VLAN {vlan.Id}: {error.TextOf("msg")}", error.TextOf("details"));
        }
        catch (JsonException)
        {
            // Said below: it ended badly and didn't say why in a way that can be read.
        }

        return new Failure(ErrorCode.PluginUnavailable, $"VLAN {vlan.Id}: {file} ended with status {run.Status} and no error that can be read", System.Text.Encoding.UTF8.GetString(run.Output.Span));
    }

    private static Failure? Read(string file, PluginRun run, out JsonElement result)
    {
        result = default;
        try
        {
            result = JsonText.ParseObject(run.Output);
            return null;
        }
        catch (JsonException e)
        {
            return new Failure(ErrorCode.PluginUnavailable, $"{file} gave a result that is none", e.Message);
        }
    }

    private ReadOnlyMemory<byte> ConfigurationOf(string command, TrunkVlan vlan, Action<Utf8JsonWriter>? previous)
    {
        var text = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            // STATUS exists since 1.1.0 alone.
            json.WriteString("cniVersion", command == "STATUS" ? "1.1.0" : Version);
            json.WriteString("name", name);
            json.WriteString("type", Plugin);
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
            foreach (var address in vlan.Asked)
            {
                json.WriteStartObject();
                json.WriteString("address", address);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        if (vlan.Network is null || vlan.Asked.Count == 0)
            return;
        json.WriteStartObject("args");
        json.WriteStartObject("cni");
        json.WriteStartArray("ips");
        foreach (var address in vlan.Asked)
            json.WriteStringValue(address);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
