using System.Net.NetworkInformation;
using Weft.Agent.ControlPlane;
using Weft.Attachments.Nodes;
using Weft.Resources;

namespace Weft.Agent.Inventory;

/// <summary>
/// Tells the control plane what the node has: once enrolled, and when it has changed. It looks every half a minute, and
/// soon after the kernel says that an interface has come, gone or changed.
/// </summary>
internal sealed class InventoryLoop(
    ControlPlaneClient plane,
    InventoryReader reader,
    PluginBinaries plugins,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log
)
{
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);
    private readonly AsyncAutoResetEvent _wakeUp = new(clock);
    private string? _reported;
    private long _reportedAt;
    private string? _lastError;

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        void Changed(object? sender, EventArgs e) => _wakeUp.Set();
        NetworkChange.NetworkAddressChanged += Changed;
        NetworkChange.NetworkAvailabilityChanged += Changed;
        try
        {
            while (true)
            {
                var wait = await ReportIfChanged(cancel);
                await _wakeUp.Wait(wait, cancel);

                // A pod's start is a dozen changes at once: one look is enough for all of them.
                await Task.Delay(timings.MinPollInterval, clock, cancel);
            }
        }
        finally
        {
            NetworkChange.NetworkAddressChanged -= Changed;
            NetworkChange.NetworkAvailabilityChanged -= Changed;
        }
    }

    /// <summary>
    /// What of an inventory makes a new report due at once. What pods take and give back by the minute waits for the
    /// next whole report.
    /// </summary>
    /// <returns>A text that is equal where nothing else has changed.</returns>
    internal static string WithoutVolatileParts(NodeInventory inventory) =>
        Json.ToIndentedText(
            (
                inventory with
                {
                    Hugepages = [.. inventory.Hugepages.Select(pool => pool with { Free = 0 })],
                    Devices =
                    [
                        .. inventory.Devices.Select(device =>
                            device.PhysicalFunction is null
                                ? device
                                : device with
                                {
                                    Name = null,
                                    MacAddress = null,
                                    Mtu = 0,
                                    IsUp = false,
                                    Speed = null,
                                    LinkType = "",
                                    IsRdma = false,
                                }
                        ),
                    ],
                }
            ).ToJson()
        );

    private async Task<TimeSpan> ReportIfChanged(CancellationToken cancel)
    {
        if (plane.Identity is null)
            return timings.MinPollInterval;
        try
        {
            var inventory = reader.Read(await plugins.Read(cancel));
            var steady = WithoutVolatileParts(inventory);
            if (steady != _reported || clock.GetElapsedTime(_reportedAt) >= timings.InventoryResendInterval)
            {
                await plane.ReportInventory(Json.ToUtf8(inventory.ToJson()), cancel);
                if (steady != _reported)
                    log.InventoryReported(inventory.Devices.Length, inventory.Plugins.Length);
                (_reported, _reportedAt, _lastError) = (steady, clock.GetTimestamp(), null);
            }

            _backoff.Reset();
            return timings.InventoryInterval;
        }
        catch (ControlPlaneException e)
        {
            // A lost connection is logged by the loop that polls desired states. A refusal is logged once and retried
            // slowly: the node may be declared meanwhile.
            if (e.IsRefusal && _lastError != e.Message)
                log.InventoryRefused(e);
            _lastError = e.IsRefusal ? e.Message : _lastError;
            return e.IsRefusal ? timings.InventoryInterval : _backoff.NextDelay(e.RetryAfter);
        }
    }
}
