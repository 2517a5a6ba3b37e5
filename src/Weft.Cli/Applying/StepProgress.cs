using System.Globalization;
using Weft.Cli.Kinds;
using Weft.Cli.Output;

namespace Weft.Cli.Applying;

/// <summary>Reports what goes on: a line for each step that ends, and on a terminal what still runs.</summary>
internal sealed class StepProgress(Terminal terminal, int width)
{
    private readonly Lock _gate = new();
    private readonly List<string> _running = [];

    /// <summary>Takes the text of the spinner.</summary>
    public Action<string> Spinner { get; set; } = _ => { };

    /// <summary>How wide the longest label is.</summary>
    public static int WidthOf(IEnumerable<Step> steps) =>
        steps.Select(step => Label.For(step.Id).Length).DefaultIfEmpty(0).Max();

    /// <summary>A step begins.</summary>
    public void ReportStarted(Step step)
    {
        lock (_gate)
        {
            _running.Add(Label.For(step.Id));
            Spinner(string.Join(", ", _running));
        }
    }

    /// <summary>A step has ended.</summary>
    public StepResult ReportEnded(StepResult result)
    {
        var label = Label.For(result.Step.Id);
        lock (_gate)
        {
            _running.Remove(label);
            Spinner(string.Join(", ", _running));
            terminal.WriteLine(FormatLine(label, result), StyleOf(result.Outcome));
            if (result.Error is { } error)
            {
                foreach (
                    var line in ErrorText.FormatLines(
                        error,
                        target => target is null ? null : result.Step.Document.LocationOf(target).ToString()
                    )
                )
                    terminal.WriteLine(
                        $"  {line}",
                        result.Outcome == StepOutcome.Skipped ? TextStyle.Faint : TextStyle.Error
                    );
            }
        }

        return result;
    }

    private string FormatLine(string label, StepResult result)
    {
        var line = $"{label.PadRight(width)}  {result.Outcome.ToString().ToLowerInvariant()}";
        return result.Outcome is StepOutcome.Skipped or StepOutcome.Unchanged
            ? line
            : $"{line} {result.Elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)}s";
    }

    private static TextStyle StyleOf(StepOutcome outcome) =>
        outcome switch
        {
            StepOutcome.Created or StepOutcome.Enabled => TextStyle.Added,
            StepOutcome.Updated => TextStyle.Changed,
            StepOutcome.Deleted => TextStyle.Removed,
            StepOutcome.Failed or StepOutcome.Superseded => TextStyle.Error,
            _ => TextStyle.Faint,
        };
}
