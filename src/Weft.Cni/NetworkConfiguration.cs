using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Weft.Contracts;

namespace Weft.Cni;

/// <summary>The configuration on stdin: the whole of the upper plugin's, of which <c>ipam</c> is ours.</summary>
/// <param name="VersionText">Its <c>cniVersion</c> as it stands there, or null.</param>
/// <param name="Name">The network's name, or null.</param>
/// <remarks>
/// CNI specification 1.1.0, section 1 "Network configuration format" and section 4 "Delegated plugins".
/// </remarks>
internal sealed record NetworkConfiguration(JsonElement Root, string? VersionText, string? Name)
{
    /// <summary>Reads the JSON, and from it what libcni's skeleton reads: the version and the name.</summary>
    /// <returns>True if it is a JSON object.</returns>
    internal static bool TryParse(
        ReadOnlyMemory<byte> text,
        [NotNullWhen(true)] out NetworkConfiguration? configuration,
        [NotNullWhen(false)] out CniError? error
    )
    {
        (configuration, error) = (null, null);
        try
        {
            var root = StrictJson.ParseObject(text);
            configuration = new NetworkConfiguration(root, root.TextOf("cniVersion"), root.TextOf("name"));
            return true;
        }
        catch (JsonException e)
        {
            error = new CniError(
                ErrorCode.UndecodableInput,
                "the network configuration on stdin is no JSON object",
                e.Message
            );
            return false;
        }
    }

    /// <summary>Checks the network's name, as libcni's skeleton does for every command but VERSION.</summary>
    /// <returns>A failure, or null.</returns>
    internal CniError? FindInvalidName()
    {
        if (string.IsNullOrEmpty(Name))
            return CniError.InvalidConfiguration("the network configuration has no name");
        if (!Invocation.IsName(Name))
        {
            return CniError.InvalidConfiguration(
                $"the network's name is '{Name}'; it must be letters, digits, '_', '.' and '-', "
                    + "and start with a letter or digit"
            );
        }

        return null;
    }

    /// <summary>Finds the version to answer in, and refuses a command that the version doesn't have.</summary>
    /// <param name="served">The versions that are served, the oldest first.</param>
    /// <returns>True if the version is served and has the command.</returns>
    internal bool TryGetVersion(
        Command command,
        CniVersion[] served,
        [NotNullWhen(true)] out CniVersion? version,
        [NotNullWhen(false)] out CniError? error
    )
    {
        error = null;
        version = CniVersion.Find(VersionText);
        if (version is null || !Array.Exists(served, version.Equals))
        {
            error = new CniError(
                ErrorCode.IncompatibleVersion,
                $"the configuration's cniVersion '{VersionText}' isn't served",
                $"served are {string.Join(", ", Array.ConvertAll(served, v => v.Text))}"
            );
        }
        else if (!version.Supports(command))
        {
            var least = Array.Find(served, v => v.Supports(command))!;
            error = new CniError(
                ErrorCode.IncompatibleVersion,
                $"the verb came with cniVersion {least.Text}, the configuration's is {version.Text}"
            );
        }

        return error is null;
    }
}
