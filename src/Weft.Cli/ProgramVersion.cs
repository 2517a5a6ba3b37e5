using System.Reflection;

namespace Weft.Cli;

/// <summary>The program's own version.</summary>
internal static class ProgramVersion
{
    /// <summary>The version, such as <c>0.1.0</c>; what a build adds after a plus sign is left out.</summary>
    public static string Text
    {
        get
        {
            var text =
                typeof(ProgramVersion)
                    .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
                    ?.InformationalVersion
                ?? "0.0.0";
            return text.Split('+')[0];
        }
    }

    /// <summary>What <c>weft --version</c> prints.</summary>
    public static string Banner => $"weft {Text}";
}
