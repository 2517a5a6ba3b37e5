using Spectre.Console;
using Weft.Cli.Primitives;

namespace Weft.Cli.Output;

/// <summary>A stream that lines are written to, in colour only where the stream is a terminal.</summary>
/// <remarks>Spectre.Console is touched only for colours and live progress: a pipe pays nothing for it.</remarks>
internal sealed class Terminal(TextWriter writer, bool isTerminal, bool colour)
{
    // Spectre wraps at the width of its profile, and a wrapped line cannot be searched or copied. The terminal itself
    // wraps well.
    private const int UnboundedWidth = 100_000;
    private const string IdleStatus = "…";

    private readonly Lock _gate = new();
    private IAnsiConsole? _console;
    private bool _isSpinning;

    /// <summary>Whether somebody is looking.</summary>
    public bool IsTerminal => isTerminal;

    /// <summary>The stream itself, for data that must not be touched.</summary>
    public TextWriter Writer => writer;

    private IAnsiConsole Console => _console ??= CreateConsole();

    /// <summary>Writes a line.</summary>
    /// <param name="text">The text; what isn't seen in it is made visible, since some of it came from a
    /// server.</param>
    public void WriteLine(string text, TextStyle style = TextStyle.Plain)
    {
        var clean = VisibleText.ForTerminal(text);
        lock (_gate)
        {
            // Under a spinner every line goes through the console that draws it, or the two overwrite each other.
            if (!_isSpinning && (!isTerminal || !colour || style == TextStyle.Plain))
                writer.WriteLine(clean);
            else
                Console.Write(new Text(clean + "\n", StyleOf(style)));
        }
    }

    /// <summary>Asks a yes-or-no question on this terminal.</summary>
    /// <returns>True for yes; anything but <c>y</c> or <c>yes</c> is no.</returns>
    public bool Confirm(string question, TextReader reader)
    {
        writer.Write($"{VisibleText.ForTerminal(question)} [y/N] ");
        writer.Flush();
        return reader.ReadLine()?.Trim().ToUpperInvariant() is "Y" or "YES";
    }

    /// <summary>Does some work while a spinner says what is going on; without a terminal it is just done.</summary>
    /// <param name="work">The work; it is handed what changes the spinner's text.</param>
    public async Task WhileSpinning(Func<Action<string>, Task> work)
    {
        if (!isTerminal || !colour)
        {
            await work(_ => { });
            return;
        }

        _isSpinning = true;
        try
        {
            // The library takes no empty text, and between two steps there is nothing to say.
            await Console
                .Status()
                .StartAsync(
                    IdleStatus,
                    context =>
                        work(text =>
                            context.Status(text.Length == 0 ? IdleStatus : Markup.Escape(VisibleText.ForTerminal(text)))
                        )
                );
        }
        finally
        {
            _isSpinning = false;
        }
    }

    private static Style StyleOf(TextStyle style) =>
        style switch
        {
            TextStyle.Heading => new Style(decoration: Decoration.Bold),
            TextStyle.Added => new Style(Color.Green),
            TextStyle.Changed => new Style(Color.Yellow),
            TextStyle.Removed => new Style(Color.Red),
            TextStyle.Error => new Style(Color.Red, decoration: Decoration.Bold),
            TextStyle.Faint => new Style(Color.Grey),
            _ => Style.Plain,
        };

    private IAnsiConsole CreateConsole()
    {
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.Yes,
                ColorSystem = ColorSystemSupport.EightBit,
                Interactive = InteractionSupport.Yes,
                Out = new AnsiConsoleOutput(writer),
            }
        );
        console.Profile.Width = UnboundedWidth;
        return console;
    }
}
