using System.CommandLine;

namespace Weft.Cli.Commands;

/// <summary><c>weft completion bash|zsh</c>: a script that asks the program itself.</summary>
internal static class CompletionCommand
{
    // COMP_LINE and COMP_POINT are what was typed and where the cursor is; the answer is filtered by the shell once
    // more. A colon is a break for bash, and is taken back out of the words it made.
    private const string BashScript = """
        # weft completion for bash: source <(weft completion bash)
        _weft_complete() {
          local line="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}" IFS=$'\n'
          COMPREPLY=($(compgen -W "$(weft "[suggest:${#line}]" "$line" 2>/dev/null)" -- "$word"))
          if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$word"; fi
          if [ "${COMP_WORDS[COMP_CWORD-1]}" = -f ] || [ "${COMP_WORDS[COMP_CWORD-1]}" = --file ]; then
            COMPREPLY=($(compgen -f -- "$word"))
          fi
        }
        complete -F _weft_complete -o bashdefault weft

        """;

    private const string ZshScript = """
        #compdef weft
        # weft completion for zsh: source <(weft completion zsh)
        _weft() {
          local line="${BUFFER[1,CURSOR]}"
          if [[ "${words[CURRENT-1]}" == (-f|--file) ]]; then _files; return; fi
          local -a suggestions
          suggestions=("${(@f)$(weft "[suggest:${#line}]" "$line" 2>/dev/null)}")
          compadd -a suggestions
        }
        compdef _weft weft

        """;

    /// <summary>Builds the command.</summary>
    public static Command Build(CommandContext cli) =>
        new("completion", "Print a script that completes commands, kinds and names")
        {
            BuildFor(cli, "bash", "source <(weft completion bash)", BashScript),
            BuildFor(cli, "zsh", "source <(weft completion zsh)", ZshScript),
        };

    private static Command BuildFor(CommandContext cli, string name, string use, string script)
    {
        var command = new Command(name, $"For {name}: {use}");
        cli.SetAction(
            command,
            session =>
            {
                session.Out.Writer.Write(script.ReplaceLineEndings("\n"));
                return ExitCode.Success;
            }
        );
        return command;
    }
}
