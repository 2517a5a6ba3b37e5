using System.Collections.Immutable;
using System.Globalization;
using Weft.Contracts;

namespace Weft.Agent.Reconcilers;

/// <summary>
/// What the control plane is told of drift: a pass knows of its own moment only, and people look later. Contract:
/// docs/specs/agent-api.md, "Status".
/// </summary>
internal sealed class DriftHistory(TimeProvider clock)
{
    private static readonly TimeSpan Retention = TimeSpan.FromHours(1);

    private readonly Dictionary<(string Target, string What), (Drift Drift, DateTimeOffset At, long Timestamp)> _seen =
    [];
    private readonly Dictionary<string, ReconcileResult> _last = new(StringComparer.Ordinal);

    /// <summary>Takes in what a target's last pass found; the same pass may be shown again.</summary>
    public void Record(string target, ReconcileResult result)
    {
        if (_last.TryGetValue(target, out var before) && ReferenceEquals(before, result))
            return;
        _last[target] = result;
        var now = clock.GetUtcNow();
        // Drift that was reported as standing and isn't found any more has been undone by somebody.
        foreach (
            var gone in _seen
                .Where(s =>
                    s.Key.Target == target && !s.Value.Drift.IsRepaired && result.Drift.All(d => d.What != s.Key.What)
                )
                .Select(s => s.Key)
                .ToList()
        )
            _seen.Remove(gone);
        foreach (var drift in result.Drift)
        {
            _seen[(target, drift.What)] =
                _seen.TryGetValue((target, drift.What), out var known) && known.Drift == drift && !drift.IsRepaired
                    ? known
                    : (drift, now, clock.GetTimestamp());
        }
    }

    /// <summary>
    /// What is reported: what stands first, then what was repaired in the last hour, the newest first.
    /// </summary>
    public ImmutableArray<DriftFinding> Report()
    {
        foreach (
            var old in _seen
                .Where(s => s.Value.Drift.IsRepaired && clock.GetElapsedTime(s.Value.Timestamp) > Retention)
                .Select(s => s.Key)
                .ToList()
        )
            _seen.Remove(old);
        return
        [
            .. _seen
                .Values.OrderBy(s => s.Drift.IsRepaired)
                .ThenByDescending(s => s.At)
                .ThenBy(s => s.Drift.What, StringComparer.Ordinal)
                .Take(DriftFinding.MaxFindings)
                .Select(s => new DriftFinding(
                    Truncate(s.Drift.What),
                    Truncate(s.Drift.Was),
                    s.Drift.IsRepaired,
                    s.At.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)
                )),
        ];
    }

    private static string Truncate(string text) => AgentTexts.Cut(text, DriftFinding.MaxTextLength);
}
