using System.Runtime.InteropServices;

namespace Weft.Agent.Linux.Netlink;

/// <summary>The kernel refused a request, or none could be made.</summary>
internal sealed class NetlinkException : IOException
{
    /// <summary><c>EPERM</c>: the agent lacks CAP_NET_ADMIN.</summary>
    public const int NotPermitted = 1;

    /// <summary><c>ENOENT</c>.</summary>
    public const int NoEntry = 2;

    /// <summary><c>ESRCH</c>: no such route.</summary>
    public const int NoSuchProcess = 3;

    /// <summary><c>EBUSY</c>.</summary>
    public const int Busy = 16;

    /// <summary><c>EEXIST</c>.</summary>
    public const int Exists = 17;

    /// <summary><c>ENODEV</c>.</summary>
    public const int NoDevice = 19;

    /// <summary><c>EOPNOTSUPP</c>: this kernel, or this driver, has no such thing.</summary>
    public const int NotSupported = 95;

    /// <summary><c>EADDRNOTAVAIL</c>: no such address.</summary>
    public const int AddressNotAvailable = 99;

    /// <summary>A refusal.</summary>
    /// <param name="said">What the kernel said besides, or null.</param>
    public NetlinkException(string what, int error, string? said = null)
        : base($"{what}: {said ?? Marshal.GetPInvokeErrorMessage(error)}") => Error = error;

    /// <summary>The error number, such as 17 for EEXIST.</summary>
    public int Error { get; }
}
