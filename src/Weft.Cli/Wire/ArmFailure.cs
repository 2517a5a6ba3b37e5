namespace Weft.Cli.Wire;

/// <summary>The server answered, and the answer is an error.</summary>
internal sealed class ArmFailure(int status, ArmError error) : Exception(error.Message)
{
    /// <summary>The HTTP status.</summary>
    public int Status => status;

    /// <summary>The error.</summary>
    public ArmError Error => error;
}
