namespace Weft.Agent.ControlPlane;

/// <summary>Whether the control plane is there, by what the last requests met.</summary>
/// <param name="grace">How long one good answer outweighs a failure after it.</param>
internal sealed class Contact(TimeSpan grace, TimeProvider clock)
{
    private readonly Lock _guard = new();
    private bool _lastWasGood;
    private long? _lastGood;

    /// <summary>True where the last request was answered, or one was within the grace: one lost request is no outage.</summary>
    public bool IsGood
    {
        get
        {
            lock (_guard)
                return _lastGood is { } at && (_lastWasGood || clock.GetElapsedTime(at) <= grace);
        }
    }

    /// <summary>A request was answered.</summary>
    public void Answered()
    {
        lock (_guard)
            (_lastWasGood, _lastGood) = (true, clock.GetTimestamp());
    }

    /// <summary>A request was not answered, or the answer was that nobody can serve it now.</summary>
    public void Failed()
    {
        lock (_guard)
            _lastWasGood = false;
    }

    /// <summary>The control plane no longer knows this agent: no grace.</summary>
    public void Lost()
    {
        lock (_guard)
            (_lastWasGood, _lastGood) = (false, null);
    }
}
