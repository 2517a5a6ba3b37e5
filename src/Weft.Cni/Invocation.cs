using System.Buffers;
using Weft.Addressing;

namespace Weft.Cni;

/// <summary>What the runtime says through the environment.</summary>
/// <param name="CommandText">The text of <c>CNI_COMMAND</c>.</param>
/// <param name="ContainerId">The sandbox; empty where the command needs none.</param>
/// <param name="Interface">The interface in the sandbox; empty where the command needs none.</param>
/// <param name="Arguments"><c>CNI_ARGS</c>, not yet taken apart.</param>
/// <remarks>
/// CNI specification 1.1.0, section 2 "Parameters"; the name rules are those of libcni's <c>pkg/utils</c>.
/// </remarks>
internal sealed record Invocation(
    string CommandText,
    Command Command,
    string ContainerId,
    string Interface,
    string Arguments
)
{
    private const Command AttachmentCommands = Command.Add | Command.Delete | Command.Check;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
    );

    // DEL never looks at CNI_NETNS: the namespace may be long gone, and a release must not hang on it.
    private static readonly (string Name, Command NeededBy)[] RequiredVariables =
    [
        ("CNI_CONTAINERID", AttachmentCommands),
        ("CNI_NETNS", Command.Add | Command.Check),
        ("CNI_IFNAME", AttachmentCommands),
        ("CNI_PATH", AttachmentCommands | Command.Status | Command.CollectGarbage),
    ];

    /// <summary>Reads the environment of a command.</summary>
    /// <param name="command">The text of <c>CNI_COMMAND</c>.</param>
    /// <param name="variable">Gives the value of a variable, or null.</param>
    internal static Invocation Read(string command, Func<string, string?> variable) =>
        new(
            command,
            ParseCommand(command),
            variable("CNI_CONTAINERID") ?? "",
            variable("CNI_IFNAME") ?? "",
            variable("CNI_ARGS") ?? ""
        );

    /// <summary>Looks for variables the command needs. An empty one is a missing one, as in libcni.</summary>
    /// <param name="variable">Gives the value of a variable, or null.</param>
    /// <returns>A failure that names all that are missing, or null.</returns>
    internal CniError? FindMissingVariable(Func<string, string?> variable)
    {
        var missing = "";
        foreach (var (name, requiredBy) in RequiredVariables)
        {
            if ((requiredBy & Command) != 0 && string.IsNullOrEmpty(variable(name)))
                missing += missing.Length == 0 ? name : ", " + name;
        }

        return missing.Length == 0
            ? null
            : InvalidEnvironment($"{CommandText} needs variables that are missing: {missing}");
    }

    /// <summary>Looks for what is there but can't be used.</summary>
    /// <returns>A failure that names the variable and its value, or null.</returns>
    /// <remarks>libcni's skeleton does this after it has read the configuration, so we do.</remarks>
    internal CniError? FindInvalidVariable()
    {
        if (Command == Command.Unknown)
            return InvalidEnvironment(
                $"CNI_COMMAND is '{CommandText}'; it must be ADD, DEL, CHECK, STATUS, GC or VERSION"
            );
        if ((Command & AttachmentCommands) == 0)
            return null;
        if (!IsName(ContainerId))
        {
            return InvalidEnvironment(
                $"CNI_CONTAINERID is '{ContainerId}'; it must be letters, digits, '_', '.' and '-', "
                    + "and start with a letter or digit"
            );
        }

        return InterfaceName.TryParse(Interface, InterfaceNameRules.None, out _, out var why)
            ? null
            : InvalidEnvironment($"CNI_IFNAME is '{Interface}'; {why}");
    }

    /// <summary>
    /// Whether a text may be a container id or the name of a network: <c>^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$</c>.
    /// </summary>
    /// <returns>False for an empty one.</returns>
    internal static bool IsName(string text) =>
        text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && !text.AsSpan().ContainsAnyExcept(NameCharacters);

    private static Command ParseCommand(string command) =>
        command switch
        {
            "ADD" => Command.Add,
            "DEL" => Command.Delete,
            "CHECK" => Command.Check,
            "STATUS" => Command.Status,
            "GC" => Command.CollectGarbage,
            "VERSION" => Command.Version,
            _ => Command.Unknown,
        };

    private static CniError InvalidEnvironment(string message) => new(ErrorCode.InvalidEnvironment, message);
}
