namespace Weft.Cli;

/// <summary>What the process answers its caller; the list is a promise (docs/specs/cli.md).</summary>
internal static class ExitCode
{
    /// <summary>Done; of <c>plan</c>: nothing would change.</summary>
    public const int Success = 0;

    /// <summary>Refused or failed.</summary>
    public const int Failed = 1;

    /// <summary><c>plan</c> only: there are changes.</summary>
    public const int Changes = 2;

    /// <summary>The command line is wrong. 64 is EX_USAGE of sysexits.h.</summary>
    public const int Usage = 64;

    /// <summary>Interrupted: 128 + SIGINT, as shells count.</summary>
    public const int Interrupted = 130;
}
