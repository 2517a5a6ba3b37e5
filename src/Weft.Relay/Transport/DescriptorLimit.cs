using System.Globalization;

namespace Weft.Relay.Transport;

/// <summary>How many descriptors, files and sockets together, this process may have.</summary>
internal static class DescriptorLimit
{
    // proc(5): the soft limit is the first number behind the name. The runtime has raised it to the hard one.
    private const string LimitsFile = "/proc/self/limits";
    private const string Name = "Max open files";

    /// <summary>Asks the kernel.</summary>
    /// <returns>At most <see cref="int.MaxValue"/>, also where there is no limit or it can't be read.</returns>
    public static int Read()
    {
        try
        {
            return Parse(File.ReadAllText(LimitsFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return int.MaxValue;
        }
    }

    /// <summary>Reads the limit off the kernel's table.</summary>
    internal static int Parse(string table)
    {
        var line = table.Split('\n').FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal)) ?? Name;
        var columns = line[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return
            columns.Length > 0
            && int.TryParse(columns[0], NumberStyles.None, CultureInfo.InvariantCulture, out var soft)
            ? soft
            : int.MaxValue;
    }
}
