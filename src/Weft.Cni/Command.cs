namespace Weft.Cni;

/// <summary>What <c>CNI_COMMAND</c> asks for; flags, so that a table can say which commands need a variable.</summary>
[Flags]
internal enum Command
{
    /// <summary>No command of the specification.</summary>
    Unknown = 0,

    /// <summary>ADD: acquire addresses and print them.</summary>
    Add = 1,

    /// <summary>DEL: release them.</summary>
    Delete = 2,

    /// <summary>CHECK: ask whether the lease stands.</summary>
    Check = 4,

    /// <summary>STATUS: ask whether ADD would be served now.</summary>
    Status = 8,

    /// <summary>GC: release what isn't valid any more (docs/specs/cni.md, "Verbs").</summary>
    CollectGarbage = 16,

    /// <summary>VERSION: print the supported versions.</summary>
    Version = 32,
}
