namespace Weft.Cni;

/// <summary>Why the plugin can't do what it was asked to: the body of a CNI error.</summary>
/// <param name="Message">One sentence for a person, with the value at fault and what was expected.</param>
/// <param name="Details">What a program or an expert wants beside it (a refusal's code, a system's error), or
/// null.</param>
/// <remarks>CNI specification 1.1.0, section 5 "Error".</remarks>
internal sealed record CniError(ErrorCode Code, string Message, string? Details = null)
{
    /// <summary>The commonest of them: the configuration is JSON, but doesn't say what it has to.</summary>
    /// <returns>A failure with code 7.</returns>
    internal static CniError InvalidConfiguration(string message) => new(ErrorCode.InvalidConfiguration, message);
}
