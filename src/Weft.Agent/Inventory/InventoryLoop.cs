using System.Net.NetworkInformation;
using Weft.Agent.ControlPlane;
using Weft.Attachments;
using Weft.Resources;

namespace Weft.Agent.Inventory;

/// <summary>
/// Tells the control plane what the node has: once enrolled, and when it has changed. It looks every half a minute, and soon after the kernel
/// says that an interface has come, gone or changed.
/// </summary>
internal sealed class InventoryLoop(ControlPlaneClient plane, InventoryReader reader, PluginBinaries plugins, Pace pace, TimeProvider clock, Log log)
{
    private readonly Backoff _backoff = new(pace.FirstRetry, pace.LastRetry);
    private readonly Bell _bell = new(clock);
    private string? _told;
    private DateTimeOffset _toldAt = DateTimeOffset.MinValue;
    private string? _complaint;

    /// <summary>Runs until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        void Changed(object? sender, EventArgs e) => _bell.Ring();
        NetworkChange.NetworkAddressChanged += Changed;
        NetworkChange.NetworkAvailabilityChanged += Changed;
        try
        {
            while (true)
            {
                var wait = await Turn(cancel);
                await _bell.Wait(wait, cancel);

                // A pod's start is a dozen changes at once: one look is enough for all of them.
                await Task.Delay(pace.BetweenPolls, clock, cancel);
            }
        }
        finally
        {
            NetworkChange.NetworkAddressChanged -= Changed;
            NetworkChange.NetworkAvailabilityChanged -= Changed;
        }
    }

    /// <summary>What of an inventory makes a new report due at once. What pods take and give back by the minute waits for the next whole report.</summary>
    /// <returns>A text that is equal where nothing else has changed.</returns>
    internal static string Steady(NodeInventory inventory) => Json.Text((inventory with
    {
        Hugepages = [.. inventory.Hugepages.Select(pool => pool with { Free = 0 })],
        Devices = [.. inventory.Devices.Select(device => device.PhysicalFunction is null ? device
            : device with { Name = null, MacAddress = null, Mtu = 0, IsUp = false, Speed = null, LinkType = "", IsRdma = false })],
    }).ToJson());

    private async Task<TimeSpan> Turn(CancellationToken cancel)
    {
        if (plane.Identity is null)
            return pace.BetweenPolls;
        try
        {
            var inventory = reader.Read(await plugins.Read(cancel));
            var steady = Steady(inventory);
            if (steady != _told || clock.GetUtcNow() - _toldAt >= pace.InventoryAnew)
            {
                await plane.Inventory(Json.Bytes(inventory.ToJson()), cancel);
                if (steady != _told)
                    log.Note("inventory-reported", ("devices", inventory.Devices.Length), ("cniPlugins", inventory.Plugins.Length));
                (_told, _toldAt, _complaint) = (steady, clock.GetUtcNow(), null);
            }

            _backoff.Reset();
            return pace.Inventory;
        }
        catch (ControlPlaneException e)
        {
            // Cut off, the loop of pictures says so; a refusal is said once, and asked again slowly: the node may be declared meanwhile.
            if (e.IsRefusal && _complaint != e.Message)
                log.Warn("inventory-refused", e);
            _complaint = e.IsRefusal ? e.Message : _complaint;
            return e.IsRefusal ? pace.Inventory : _backoff.Next(e.RetryAfter);
        }
    }
}
