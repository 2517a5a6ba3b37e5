using System.Diagnostics.CodeAnalysis;

namespace Weft.Cni;

/// <summary>One of the plugins that this program is; its name in the file system says which.</summary>
internal interface IPlugin
{
    /// <summary>What it is, for somebody who starts it by hand.</summary>
    string Description { get; }

    /// <summary>The versions it serves, the oldest first.</summary>
    CniVersion[] SupportedVersions { get; }

    /// <summary>Serves a command other than VERSION; everything that plugins have in common is checked.</summary>
    /// <param name="output">What belongs on stdout; empty for a success that has no result.</param>
    /// <exception cref="System.Text.Json.JsonException">A member of the configuration is of another kind.</exception>
    bool TryHandle(
        Invocation invocation,
        NetworkConfiguration configuration,
        CniVersion version,
        out ReadOnlyMemory<byte> output,
        [NotNullWhen(false)] out CniError? error
    );
}
