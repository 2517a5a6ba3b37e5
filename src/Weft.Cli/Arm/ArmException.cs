namespace Weft.Cli.Arm;

/// <summary>The server answered, and the answer is an error.</summary>
internal sealed class ArmException(int status, ArmError error) : Exception(error.Message)
{
    /// <summary>The HTTP status.</summary>
    public int Status => status;

    /// <summary>The error.</summary>
    public ArmError Error => error;
}
