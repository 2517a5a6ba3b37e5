namespace Weft.Testing.Soak;

/// <summary>What somebody was told who asked for addresses, or gave them back.</summary>
/// <param name="Addresses">What was leased, without a prefix length; empty where it was a release.</param>
/// <param name="Refusal">Why not, code and message; null where it was done.</param>
internal sealed record LeaseAnswer(string[] Addresses, string? Refusal)
{
    public bool IsExhausted => Refusal?.StartsWith("AddressPoolExhausted", StringComparison.Ordinal) == true;
}

/// <summary>Somebody who asks for addresses of pods.</summary>
internal interface ILeaseClient
{
    /// <summary>Whether what was given back is free once that is answered, and not some time later.</summary>
    bool FreesAtOnce { get; }

    /// <summary>Whether weftd knows of what was given once that is answered, and not some time later.</summary>
    /// <param name="network">Its id.</param>
    bool IsKnownAtOnce(string network);

    /// <summary>Asks for a pod's addresses.</summary>
    /// <param name="network">Its id.</param>
    /// <exception cref="IOException">No answer came.</exception>
    /// <exception cref="HttpRequestException">No answer came.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">Nobody is there to ask.</exception>
    Task<LeaseAnswer> Acquire(string network, string container);

    /// <summary>Gives a pod's addresses back.</summary>
    /// <inheritdoc cref="Acquire"/>
    Task<LeaseAnswer> Release(string network, string container);
}
