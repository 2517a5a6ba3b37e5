namespace Weft.Agent.Kubernetes;

/// <summary>The API server gave no good answer: it refused, it can't be reached, or the agent may not ask.</summary>
/// <param name="cause">The fault behind it, if there is one.</param>
internal sealed class KubeException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The HTTP status; null where nothing came back.</summary>
    public int? Status { get; init; }

    /// <summary>The reason of the <c>Status</c> object, such as <c>AlreadyExists</c>; null where none came.</summary>
    public string? Reason { get; init; }

    /// <summary>How long the API server asked to be left alone.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether a watch or a page is of a time that the API server has forgotten.</summary>
    public bool IsExpired => Status == 410 || Reason is "Expired" or "Gone";

    /// <summary>Whether the same request may go well in a moment.</summary>
    public bool IsTransient => Status is null or 408 or 429 or >= 500;
}
