using Weft.Relay.Wire;

namespace Weft.Relay.Hosting;

/// <summary>A response that came on the control channel.</summary>
internal sealed record ControlResponse(ResponseMessage Message, byte[] Body);

/// <summary>A request that a listener was handed and hasn't answered.</summary>
internal sealed record Exchange(string Id)
{
    /// <summary>The response on the control channel, if it comes there.</summary>
    public TaskCompletionSource<ControlResponse> Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
