using System.CommandLine;
using System.CommandLine.Completions;
using Weft.Cli.Kinds;
using Weft.Cli.Primitives;

namespace Weft.Cli.Commands;

/// <summary>Arguments and options that several commands take, each with its completion.</summary>
internal static class Parameters
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(10);

    /// <summary><c>KIND</c>.</summary>
    /// <param name="kinds">Which kinds to offer; null offers all.</param>
    public static Argument<string?> Kind(IEnumerable<Kind>? kinds = null, bool optional = false)
    {
        var argument = new Argument<string?>("KIND")
        {
            Description = "The kind: plural, singular or short, such as l3networks, l3network, l3n",
            HelpName = "KIND",
            Arity = optional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        };
        var names = (kinds ?? KindTable.All).Select(kind => kind.Plural).ToArray();
        argument.CompletionSources.Add(_ => names.Select(name => new CompletionItem(name)));
        return argument;
    }

    /// <summary><c>NAME…</c> of a kind.</summary>
    public static Argument<string[]> Names(CommandContext cli, Argument<string?> kind, ArgumentArity arity)
    {
        var argument = new Argument<string[]>("NAME")
        {
            Description = "A name, PARENT/NAME of a child, or a whole id",
            HelpName = "NAME",
            Arity = arity,
            DefaultValueFactory = _ => [],
        };
        argument.CompletionSources.Add(context =>
            NameCompletion.Complete(cli, context, context.ParseResult.GetValue(kind))
        );
        return argument;
    }

    /// <summary><c>NAME</c> of a kind.</summary>
    public static Argument<string> Name(CommandContext cli, Argument<string?> kind)
    {
        var argument = new Argument<string>("NAME")
        {
            Description = "A name, PARENT/NAME of a child, or a whole id",
            HelpName = "NAME",
        };
        argument.CompletionSources.Add(context =>
            NameCompletion.Complete(cli, context, context.ParseResult.GetValue(kind))
        );
        return argument;
    }

    /// <summary>An option that names a resource.</summary>
    public static Option<string?> Reference(CommandContext cli, string name, Kind kind, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "NAME" };
        option.CompletionSources.Add(context => NameCompletion.Complete(cli, context, kind.Plural));
        return option;
    }

    /// <summary><c>-f PATH…</c>.</summary>
    /// <param name="required">Whether it must be there.</param>
    public static Option<string[]> Files(bool required = true) =>
        new("--file", "-f")
        {
            Description = "A file, a directory, or - for stdin; may be repeated",
            HelpName = "PATH",
            Required = required,
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = true,
        };

    /// <summary><c>--timeout</c>.</summary>
    public static Option<TimeSpan> Timeout() =>
        Time("--timeout", "How long to wait: 90s, 10m, 1h (10m)", "time to wait");

    /// <summary>An option that is a span of time.</summary>
    /// <param name="noun">What a bad one isn't.</param>
    public static Option<TimeSpan> Time(string name, string description, string noun)
    {
        var option = new Option<TimeSpan>(name) { Description = description, HelpName = "TIME" };
        option.CustomParser = result =>
        {
            if (Duration.TryParse(result.Tokens[0].Value, out var span))
                return span;
            result.AddError($"'{result.Tokens[0].Value}' is no {noun}: write 90s, 10m or 1h30m");
            return TimeSpan.Zero;
        };
        return option;
    }

    /// <summary>How long to wait.</summary>
    public static TimeSpan TimeoutOf(ParseResult parsed, Option<TimeSpan> timeout) =>
        parsed.GetResult(timeout) is null ? DefaultTimeout : parsed.GetValue(timeout);

    /// <summary><c>--yes</c>.</summary>
    public static Option<bool> Yes() => new("--yes", "-y") { Description = "Do not ask" };
}
