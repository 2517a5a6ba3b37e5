using System.Diagnostics.CodeAnalysis;

namespace Weft.Cni;

/// <summary>One of the plugins that this program is; its name in the file system says which.</summary>
internal interface IPlugin
{
    /// <summary>The name of its program.</summary>
    string Name { get; }

    /// <summary>What it is, for somebody who starts it by hand.</summary>
    string Description { get; }

    /// <summary>The versions it serves, the oldest first.</summary>
    CniVersion[] SupportedVersions { get; }

    /// <summary>Whether it serves GC.</summary>
    bool CollectsGarbage { get; }

    /// <summary>
    /// Serves ADD, DEL, CHECK or STATUS, and GC where it collects garbage; everything that plugins have in common is checked.
    /// </summary>
    /// <exception cref="System.Text.Json.JsonException">A member of the configuration is of another kind.</exception>
    PluginResult Handle(PluginRequest request);
}

/// <summary>What the runtime asks of a plugin, read and checked as far as all plugins do it.</summary>
/// <param name="Version">The version that the configuration asks for; it decides the form of the result.</param>
internal sealed record PluginRequest(Invocation Invocation, NetworkConfiguration Configuration, CniVersion Version);

/// <summary>What a plugin answers the runtime.</summary>
/// <param name="Output">What belongs on stdout; empty for a success that has no result, and for an error.</param>
/// <param name="Error">Why it didn't do what it was asked to; null where it did.</param>
internal readonly record struct PluginResult(ReadOnlyMemory<byte> Output, CniError? Error)
{
    /// <summary>A success that has no result.</summary>
    internal static PluginResult Done => default;

    /// <summary>Whether it did what it was asked to.</summary>
    [MemberNotNullWhen(false, nameof(Error))]
    internal bool IsSuccess => Error is null;

    /// <summary>A success.</summary>
    public static implicit operator PluginResult(ReadOnlyMemory<byte> output) => new(output, null);

    /// <summary>An error, or a success that has no result where it is null.</summary>
    public static implicit operator PluginResult(CniError? error) => new(default, error);
}
