using System.Collections.Immutable;
using System.Text.Json;
using Weft.Attachments.Plugins;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Attachments;

/// <summary>One network attached to a cluster or to a pool of it.</summary>
/// <param name="Ipam">Whether pods get their addresses from the network's pool; L3 networks only.</param>
/// <param name="Path">The member that says so, for refusals.</param>
internal sealed record Attachment(ResourceId Network, IPlugin Plugin, bool Ipam, string Path)
{
    private static readonly (string Member, ResourceType Type)[] NetworkLists =
    [
        ("l2Networks", L2Network.ResourceType),
        ("l3Networks", L3Network.ResourceType),
        ("trunkedNetworks", TrunkedNetwork.ResourceType),
    ];

    /// <summary>
    /// The member <c>attachedNetworkConfiguration</c>, the same on clusters and pools. It may change in place.
    /// </summary>
    public static SchemaMember Schema { get; } =
        SchemaMember.Object(
            "attachedNetworkConfiguration",
            [
                .. NetworkLists.Select(list =>
                    SchemaMember.List(
                        list.Member,
                        SchemaMember.Object(
                            "",
                            list.Type == L3Network.ResourceType
                                ?
                                [
                                    NetworkIdMember(list.Type),
                                    PluginTypeMember,
                                    SchemaMember.BooleanString(
                                        "ipamEnabled",
                                        false,
                                        "whether pods lease addresses from the network's pool"
                                    ),
                                ]
                                : [NetworkIdMember(list.Type), PluginTypeMember]
                        )
                    )
                ),
            ]
        ) with
        {
            Description = "the networks attached to every node of it",
        };

    /// <summary>The network's type.</summary>
    public NetworkType NetworkType =>
        Network.Type == L2Network.ResourceType ? NetworkType.L2
        : Network.Type == TrunkedNetwork.ResourceType ? NetworkType.Trunked
        : NetworkType.L3;

    private static SchemaMember PluginTypeMember => SchemaMember.Enum("pluginType", PluginRegistry.SchemaValues);

    /// <summary>Reads a configuration.</summary>
    /// <param name="configuration">The member <c>attachedNetworkConfiguration</c>.</param>
    /// <returns>The attachments in the order they are written.</returns>
    public static ImmutableArray<Attachment> Read(JsonElement configuration, string path) =>
        [
            .. NetworkLists.SelectMany(list =>
                configuration
                    .Elements(list.Member)
                    .Select(
                        (element, i) =>
                            new Attachment(
                                element.Id("networkId")!,
                                element.Text("pluginType") is { } plugin
                                    ? PluginRegistry.Get(plugin)
                                    : PluginRegistry.Default,
                                element.BooleanString("ipamEnabled"),
                                $"{path}.{list.Member}[{i}]"
                            )
                    )
            ),
        ];

    private static SchemaMember NetworkIdMember(ResourceType type) =>
        SchemaMember.Id("networkId", "the network", type).Required();
}
