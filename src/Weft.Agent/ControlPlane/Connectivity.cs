namespace Weft.Agent.ControlPlane;

/// <summary>Whether the control plane is there, by what the last requests met.</summary>
/// <param name="grace">How long one good answer outweighs a failure after it.</param>
internal sealed class Connectivity(TimeSpan grace, TimeProvider clock)
{
    private readonly Lock _guard = new();
    private bool _lastSucceeded;
    private long? _lastSuccess;

    /// <summary>
    /// True where the last request was answered, or one was within the grace: one lost request is no outage.
    /// </summary>
    public bool IsReachable
    {
        get
        {
            lock (_guard)
                return _lastSuccess is { } at && (_lastSucceeded || clock.GetElapsedTime(at) <= grace);
        }
    }

    /// <summary>A request was answered.</summary>
    public void RecordAnswer()
    {
        lock (_guard)
            (_lastSucceeded, _lastSuccess) = (true, clock.GetTimestamp());
    }

    /// <summary>A request was not answered, or the answer was that nobody can serve it now.</summary>
    public void RecordFailure()
    {
        lock (_guard)
            _lastSucceeded = false;
    }

    /// <summary>The control plane no longer knows this agent: no grace.</summary>
    public void RecordRejection()
    {
        lock (_guard)
            (_lastSucceeded, _lastSuccess) = (false, null);
    }
}
