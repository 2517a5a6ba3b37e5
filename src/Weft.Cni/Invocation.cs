using System.Buffers;

namespace Weft.Cni;

/// <summary>What the runtime says through the environment.</summary>
/// <param name="Command">The text of <c>CNI_COMMAND</c>.</param>
/// <param name="ContainerId">The sandbox; empty where the verb needs none.</param>
/// <param name="Interface">The interface in the sandbox; empty where the verb needs none.</param>
/// <param name="Arguments"><c>CNI_ARGS</c>, not yet taken apart.</param>
/// <remarks>CNI specification 1.1.0, section 2 "Parameters"; the name rules are those of libcni's <c>pkg/utils</c>.</remarks>
internal sealed record Invocation(string Command, Verb Verb, string ContainerId, string Interface, string Arguments)
{
    private const Verb Attachment = Verb.Add | Verb.Delete | Verb.Check;

    /// <summary>The longest name the kernel takes: IFNAMSIZ is 16 with the closing zero.</summary>
    private const int InterfaceLength = 15;

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    // DEL never looks at CNI_NETNS: the namespace may be long gone, and a release must not hang on it.
    private static readonly (string Name, Verb NeededBy)[] Variables =
    [
        ("CNI_CONTAINERID", Attachment),
        ("CNI_NETNS", Verb.Add | Verb.Check),
        ("CNI_IFNAME", Attachment),
        ("CNI_PATH", Attachment | Verb.Status | Verb.CollectGarbage),
    ];

    /// <summary>Reads the environment of a verb.</summary>
    /// <param name="command">The text of <c>CNI_COMMAND</c>.</param>
    /// <param name="variable">Gives the value of a variable, or null.</param>
    internal static Invocation Read(string command, Func<string, string?> variable) => new(
        command,
        VerbOf(command),
        variable("CNI_CONTAINERID") ?? "",
        variable("CNI_IFNAME") ?? "",
        variable("CNI_ARGS") ?? "");

    /// <summary>Looks for variables the verb needs. An empty one is a missing one, as in libcni.</summary>
    /// <param name="variable">Gives the value of a variable, or null.</param>
    /// <returns>A failure that names all that are missing, or null.</returns>
    internal Failure? FindMissing(Func<string, string?> variable)
    {
        var missing = "";
        foreach (var (name, neededBy) in Variables)
        {
            if ((neededBy & Verb) != 0 && string.IsNullOrEmpty(variable(name)))
                missing += missing.Length == 0 ? name : ", " + name;
        }

        return missing.Length == 0 ? null : Invalid($"{Command} needs variables that are missing: {missing}");
    }

    /// <summary>Looks for what is there but can't be used.</summary>
    /// <returns>A failure that names the variable and its value, or null.</returns>
    /// <remarks>libcni's skeleton does this after it has read the configuration, so we do.</remarks>
    internal Failure? FindBad()
    {
        if (Verb == Verb.Unknown)
            return Invalid($"CNI_COMMAND is '{Command}'; it must be ADD, DEL, CHECK, STATUS or VERSION");
        if ((Verb & Attachment) == 0)
            return null;
        if (!IsName(ContainerId))
        {
            return Invalid($"CNI_CONTAINERID is '{ContainerId}'; it must be letters, digits, '_', '.' and '-', "
                + "and start with a letter or digit");
        }

        if (!IsInterface(Interface))
        {
            return Invalid($"CNI_IFNAME is '{Interface}'; it must be 1 to {InterfaceLength} characters, not '.' or '..', "
                + "without '/', ':' and blanks");
        }

        return null;
    }

    /// <summary>Whether a text may be a container id or the name of a network: <c>^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$</c>.</summary>
    /// <returns>False for an empty one.</returns>
    internal static bool IsName(string text) =>
        text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]) && !text.AsSpan().ContainsAnyExcept(NameCharacters);

    private static bool IsInterface(string text)
    {
        if (text.Length is 0 or > InterfaceLength || text is "." or "..")
            return false;
        foreach (var character in text)
        {
            if (character is '/' or ':' || char.IsWhiteSpace(character))
                return false;
        }

        return true;
    }

    private static Verb VerbOf(string command) => command switch
    {
        "ADD" => Verb.Add,
        "DEL" => Verb.Delete,
        "CHECK" => Verb.Check,
        "STATUS" => Verb.Status,
        "GC" => Verb.CollectGarbage,
        "VERSION" => Verb.Version,
        _ => Verb.Unknown,
    };

    private static Failure Invalid(string message) => new(ErrorCode.InvalidEnvironment, message);
}
