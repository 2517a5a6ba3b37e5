using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;

namespace Weft.Cli.Relay;

/// <summary>Who is at the relay, at one moment, by hybrid connection.</summary>
/// <param name="At">When it was asked, on the client's clock for spans.</param>
internal sealed record RelayReport(long At, JsonObject Body)
{
    private const string Path = $"/providers/Weft.Relay/status?api-version={KindTable.WeftApiVersion}";

    /// <summary>The listeners.</summary>
    public IEnumerable<JsonObject> Listeners => (Body["listeners"] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>The sessions.</summary>
    public IEnumerable<JsonObject> Sessions => (Body["sessions"] as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>The hybrid connections that somebody is at, by their paths.</summary>
    public ImmutableArray<ConnectionReport> Connections =>
        [
            .. Listeners
                .Concat(Sessions)
                .Select(one => one["connection"]!.ToString())
                .Distinct(StringComparer.OrdinalIgnoreCase)
                .Order(StringComparer.Ordinal)
                .Select(ReportOf),
        ];

    /// <summary>Asks.</summary>
    public static async Task<RelayReport> RequestAsync(ArmClient client, CancellationToken cancel)
    {
        var body = (await client.GetAsync(Path, cancel)).Object;
        return new RelayReport(client.Clock.GetTimestamp(), body);
    }

    /// <summary>How people write the target of a hybrid connection.</summary>
    /// <param name="path">Its path on the wire: <c>weft/SUB/GROUP/…</c> for those of targets, <c>NAMESPACE/NAME</c> for
    /// those people made.</param>
    /// <returns>Such as <c>node/core-east/w1</c>, <c>hc/site-a/camera</c>.</returns>
    public static string TargetOf(string path) =>
        path.Split('/') switch
        {
            ["weft", _, _, "kubernetesClusters", var cluster] => $"cluster/{cluster}",
            ["weft", _, _, "kubernetesClusters", var cluster, "nodes", var node] => $"node/{cluster}/{node}",
            ["weft", _, _, "virtualMachines", var machine] => $"vm/{machine}",
            _ => $"hc/{path}",
        };

    private ConnectionReport ReportOf(string path)
    {
        var sessions = Sessions.Where(session => IsAt(session, path)).ToList();
        return new ConnectionReport(
            path,
            Listeners.Count(listener => IsAt(listener, path)),
            sessions.Count,
            sessions.Sum(session => NumberOf(session, "bytesUp")),
            sessions.Sum(session => NumberOf(session, "bytesDown"))
        );
    }

    /// <summary>A number of the report.</summary>
    /// <returns>0 where there is none.</returns>
    public static long NumberOf(JsonObject json, string name) =>
        long.TryParse(json[name]?.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;

    private static bool IsAt(JsonObject one, string path) =>
        string.Equals(one["connection"]?.ToString(), path, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Who is at one hybrid connection.</summary>
/// <param name="Up">Payload bytes from senders of the open sessions.</param>
/// <param name="Down">Payload bytes to them.</param>
internal sealed record ConnectionReport(string Path, int Listeners, int Sessions, long Up, long Down);
