namespace Weft.Tests.Cni;

/// <summary>weft-ipam as a program: that of <c>WEFT_IPAM</c>, as it is shipped, or the one that was built beside these tests.</summary>
internal static class IpamProgram
{
    public static readonly string Location =
        Environment.GetEnvironmentVariable("WEFT_IPAM")
        ?? Path.Combine(
            AppContext.BaseDirectory,
            "../../Weft.Cni",
            Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')),
            "weft-ipam"
        );
}
