using System.Collections.Immutable;
using System.Net;
using Weft.Relay.Protocol;

namespace Weft.Relay.Client;

/// <summary>An HTTP request that came by the relay.</summary>
/// <param name="Id">Its id, which the relay's log knows it by.</param>
/// <param name="Target">Path and query as the sender wrote them, the connection's path included, without the relay's
/// pairs.</param>
/// <param name="Headers">The headers, without the token and those of the connection.</param>
/// <param name="RemoteEndpoint">Where it came from, as the relay says; null where it doesn't.</param>
/// <param name="Body">The body, read once; empty where there is none.</param>
internal sealed record IncomingRequest(
    string Id,
    string Method,
    string Target,
    ImmutableArray<HeaderField> Headers,
    IPEndPoint? RemoteEndpoint,
    Stream Body
);

/// <summary>The answer to an HTTP request.</summary>
internal sealed record OutgoingResponse(int Status)
{
    /// <summary>The reason phrase; null for the usual one.</summary>
    public string? Description { get; init; }

    /// <summary>The headers.</summary>
    public ImmutableArray<HeaderField> Headers { get; init; } = [];

    /// <summary>
    /// The body, which is read to its end and disposed; null for none. What is longer than 64 KiB or takes longer than
    /// 2 s is sent on as it comes.
    /// </summary>
    public Stream? Body { get; init; }
}
