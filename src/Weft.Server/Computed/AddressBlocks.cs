using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Access;
using Weft.Fleet;
using Weft.Networks.Blocks;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Blocks;
using Weft.Server.Http;
using Weft.Server.Identity;

namespace Weft.Server.Computed;

/// <summary>The blocks of an L3 network, and their return by somebody's word.</summary>
internal sealed class AddressBlocks(ControlPlane controlPlane, BlockRecalls recalls, BlockReturns returns)
{
    public Task ServeBlock(HttpContext http, ResourceId id)
    {
        if (HttpMethods.IsDelete(http.Request.Method))
            return Return(http, id);
        if (!controlPlane.FindScope(http, id).TryGet(out var scope, out var refusal))
            return http.Refuse(refusal);
        return Find(scope.State, id) is { } block
            ? http.Respond(200, Render(block, http.Sight()))
            : http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"{id.Parent!.Name} has no block {id.Name}", id.ToString())
            );
    }

    public Task ServeBlocks(HttpContext http, Caller caller, ResourceId any)
    {
        var network = any.Parent!;
        if (
            (
                ApiVersion.Check(http, AddressBlock.ResourceType.ToString(), FleetVersions.All)
                ?? Authorization.Require(caller, AccessVerb.Read, network)
            ) is
            { } refusal
        )
            return http.Refuse(refusal);
        var state = controlPlane.Store.Current;
        if (state.Get(StoreKey.ForResource(network)) is null)
            return http.Refuse(
                new Refusal(RefusalCode.ResourceNotFound, $"{network} doesn't exist", network.ToString())
            );
        var after = http.SkipToken() ?? "";
        return http.RespondPage(
            BlockBook.Of(state, network).Blocks.Where(block => string.CompareOrdinal(block.Id, after) > 0),
            block => block.Id,
            block => Render(block, http.Sight())
        );
    }

    /// <summary>
    /// Asks its owner for what is free of it; with <c>force</c> all of it comes back, whoever has it and whether they know.
    /// </summary>
    private async Task Return(HttpContext http, ResourceId id)
    {
        if (ApiVersion.Check(http, id.Type.ToString(), FleetVersions.All) is { } version)
        {
            await http.Refuse(version);
            return;
        }

        if (Find(controlPlane.Store.Current, id) is not { } block)
        {
            await http.Respond(204);
            return;
        }

        http.Audit().Note("block", block.Text);
        http.Audit().Note("force", http.IsForced() ? "True" : null);
        if (http.IsForced())
            _ = await returns.Force(block, http.Audit().Who, http.RequestAborted);
        else
            await recalls.Recall(block.Network.Key, http.RequestAborted);
        if (Find(controlPlane.Store.Current, id) is not { } left)
            await http.Respond(204);
        else if (left.Addresses.Count < block.Addresses.Count || left.Free.Total == 0)
            await http.Respond(200, Render(left, http.Sight()));
        else
            await http.Refuse(
                new Refusal(
                    RefusalCode.InUse,
                    $"{left.Free.Total} addresses that are free in {left.Text} can't be given back: "
                        + $"{left.Reason ?? "its agent doesn't answer"}. If it is certain that nothing runs there that holds one: --force",
                    id.ToString()
                )
                {
                    Discloses = [block.Agent.ToString()],
                }
            );
    }

    private static AddressBlock? Find(StoreState state, ResourceId id) =>
        BlockBook.Of(state, id.Parent!).ById.GetValueOrDefault(id.Name.ToLowerInvariant());

    private static JsonObject Render(AddressBlock block, Sight sight)
    {
        var isSeen = sight(block.Agent.ToString());
        return new JsonObject
        {
            ["id"] = block.Network.Extend(AddressBlock.ResourceType, block.Id).ToString(),
            ["name"] = block.Id,
            ["type"] = AddressBlock.ResourceType.ToString(),
            ["properties"] = new JsonObject
            {
                ["addresses"] = new JsonArray([.. block.Addresses.Select(range => JsonValue.Create(range.ToString()))]),
                ["agent"] = isSeen ? block.Agent.ToString() : null,
                ["cluster"] = isSeen ? block.Agent.Parent!.ToString() : null,
                ["node"] = isSeen ? block.Node : null,
                ["state"] = block.State.ToString(),
                ["reason"] = block.Reason,
                ["size"] = AddressBlock.CountOf(block.Addresses).Total.ToString(CultureInfo.InvariantCulture),
                ["held"] = block.Held.Total,
                ["free"] = block.Free.Total,
                ["since"] = block.Since,
            },
        };
    }
}
