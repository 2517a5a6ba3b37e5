using System.Collections.Immutable;
using System.Globalization;
using Weft.Agent.ControlPlane;

namespace Weft.Agent.Targets;

/// <summary>
/// What the control plane is told of drift: a pass knows of its own moment only, and people look later. Contract: docs/specs/agent-api.md, "Status".
/// </summary>
internal sealed class RecentDrift(TimeProvider clock)
{
    private const int Most = 100;
    private const int Longest = 512;
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private readonly Dictionary<(string Target, string What), (Drift Drift, DateTimeOffset At)> _seen = [];
    private readonly Dictionary<string, TargetOutcome> _last = new(StringComparer.Ordinal);

    /// <summary>Takes in what a target's last pass found; the same pass may be shown again.</summary>
    public void Take(string target, TargetOutcome outcome)
    {
        if (_last.TryGetValue(target, out var before) && ReferenceEquals(before, outcome))
            return;
        _last[target] = outcome;
        var now = clock.GetUtcNow();
        // What stood and isn't found any longer has gone by itself, or by the hand that made it.
        foreach (var gone in _seen.Where(s => s.Key.Target == target && !s.Value.Drift.IsMended && outcome.Drift.All(d => d.What != s.Key.What)).Select(s => s.Key).ToList())
            _seen.Remove(gone);
        foreach (var drift in outcome.Drift)
        {
            var at = _seen.TryGetValue((target, drift.What), out var known) && known.Drift == drift && !drift.IsMended ? known.At : now;
            _seen[(target, drift.What)] = (drift, at);
        }
    }

    /// <summary>What is reported: what stands first, then what was mended in the last hour, the newest first.</summary>
    public ImmutableArray<DriftReport> Report()
    {
        var since = clock.GetUtcNow() - Remembered;
        foreach (var old in _seen.Where(s => s.Value.Drift.IsMended && s.Value.At < since).Select(s => s.Key).ToList())
            _seen.Remove(old);
        return [.. _seen.Values.OrderBy(s => s.Drift.IsMended).ThenByDescending(s => s.At).ThenBy(s => s.Drift.What, StringComparer.Ordinal).Take(Most).Select(s =>
            new DriftReport(Short(s.Drift.What), Short(s.Drift.Was), s.Drift.IsMended, s.At.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)))];
    }

    private static string Short(string text) => text.Length <= Longest ? text : $"{text[..(Longest - 1)]}…";
}
