using System.Globalization;

namespace Weft.Agent.Linux;

/// <summary>The machine's processes, as <c>/proc</c> shows them.</summary>
internal sealed class ProcessTable(Sysfs sysfs)
{
    // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h: the namespace that every process is in.
    private const string InitialNamespace = "pid:[4026531836]";

    // CAP_SYS_PTRACE of capabilities(7): without it another user's open files aren't shown.
    private const int SysPtrace = 19;

    /// <summary>Why a file must be taken for one that a program uses; null where none has it open.</summary>
    /// <remarks>A device must not be taken from a program only because the program can't be seen.</remarks>
    public string? WhyInUse(string file)
    {
        if (!SeesAll())
            return $"whether a program has {file} open can't be seen: "
                + "the agent needs the host's processes (hostPID) and CAP_SYS_PTRACE";
        return FindOpener(file) is { } process ? $"process {process} has {file} open" : null;
    }

    private bool SeesAll() =>
        sysfs.ReadLinkName("/proc/self/ns/pid") == InitialNamespace
        && (sysfs.Read("/proc/self/status") ?? "")
            .Split('\n')
            .Where(line => line.StartsWith("CapEff:", StringComparison.Ordinal))
            .Any(line => HasCapability(line.AsSpan("CapEff:".Length).Trim()));

    private static bool HasCapability(ReadOnlySpan<char> mask) =>
        ulong.TryParse(mask, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var effective)
        && ((effective >> SysPtrace) & 1) != 0;

    private string? FindOpener(string file) =>
        sysfs
            .Names("/proc")
            .Where(name => name.All(char.IsAsciiDigit))
            .FirstOrDefault(process =>
                sysfs.Names($"/proc/{process}/fd").Any(fd => sysfs.IsLinkTo($"/proc/{process}/fd/{fd}", file))
            );
}
