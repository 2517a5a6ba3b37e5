using System.Globalization;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Applying;

/// <summary>Says what goes on: a line for each step that ends, and on a terminal what still runs.</summary>
internal sealed class StepProgress(Terminal terminal, int width)
{
    private readonly Lock _gate = new();
    private readonly List<string> _running = [];

    /// <summary>Takes the text of the spinner.</summary>
    public Action<string> Spinner { get; set; } = _ => { };

    /// <summary>How wide the longest label is.</summary>
    public static int WidthOf(IEnumerable<Step> steps) => steps.Select(step => Label.Of(step.Id).Length).DefaultIfEmpty(0).Max();

    /// <summary>A step begins.</summary>
    public void Started(Step step)
    {
        lock (_gate)
        {
            _running.Add(Label.Of(step.Id));
            Spinner(string.Join(", ", _running));
        }
    }

    /// <summary>A step has ended.</summary>
    public StepResult Ended(StepResult result)
    {
        var label = Label.Of(result.Step.Id);
        lock (_gate)
        {
            _running.Remove(label);
            Spinner(string.Join(", ", _running));
            terminal.Line(Line(label, result), InkOf(result.Outcome));
            if (result.Error is { } error)
            {
                foreach (var line in ErrorText.Lines(error, target => target is null ? null : result.Step.Document.PlaceOf(target).ToString()))
                    terminal.Line($"  {line}", result.Outcome == StepOutcome.Skipped ? Ink.Faint : Ink.Bad);
            }
        }

        return result;
    }

    private string Line(string label, StepResult result)
    {
        var line = $"{label.PadRight(width)}  {result.Outcome.ToString().ToLowerInvariant()}";
        return result.Outcome is StepOutcome.Skipped or StepOutcome.Unchanged
            ? line
            : $"{line} {result.Took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)}s";
    }

    private static Ink InkOf(StepOutcome outcome) => outcome switch
    {
        StepOutcome.Created or StepOutcome.Enabled => Ink.Added,
        StepOutcome.Updated => Ink.Changed,
        StepOutcome.Deleted => Ink.Removed,
        StepOutcome.Failed or StepOutcome.Superseded => Ink.Bad,
        _ => Ink.Faint,
    };
}
