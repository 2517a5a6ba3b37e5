using Weft.Relay.Protocol;

namespace Weft.Relay.Server.Sessions;

/// <summary>A response that came on the control channel.</summary>
internal sealed record ControlResponse(ResponseMessage Message, byte[] Body);

/// <summary>A request that was delivered to a listener and hasn't been answered.</summary>
internal sealed record PendingExchange(string Id)
{
    /// <summary>The response on the control channel, if it comes there.</summary>
    public TaskCompletionSource<ControlResponse> Completion { get; } =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}
