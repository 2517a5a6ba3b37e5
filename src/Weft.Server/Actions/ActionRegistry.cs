using System.Collections.Immutable;
using Weft.Access;
using Weft.Contracts;
using Weft.Fleet;
using Weft.Networks;
using Weft.Resources;

namespace Weft.Server.Actions;

/// <summary>
/// The one list of actions with effects: to add one, write its file and a line here (docs/checklists/add-an-action.md).
/// </summary>
internal sealed class ActionRegistry(
    ListCredentials credentials,
    AuthorizationRuleKeys keys,
    ListEnrollmentToken enrolment,
    Verify verify,
    ImportAddresses import
)
{
    private readonly ImmutableArray<ActionHandler> _handlers =
    [
        new(TargetConnection.ResourceType, TargetConnection.CredentialsAction, credentials.Serve)
        {
            ScopeTypes = TargetConnection.TargetTypes,
        },
        .. KeyActionsOf(RelayAuthorizationRule.NamespaceRuleType, keys),
        .. KeyActionsOf(RelayAuthorizationRule.ConnectionRuleType, keys),
        new(KubernetesCluster.ResourceType, EnrolmentTokenRequest.ActionName, enrolment.Serve),
        new(KubernetesCluster.ResourceType, KubernetesCluster.VerifyAction, verify.Serve),
        new(DeclaredPool.ResourceType, PoolImport.ActionName, import.Serve) { ScopeTypes = [L3Network.ResourceType] },
    ];

    /// <summary>The handler of a resource's action.</summary>
    /// <param name="action">The action's name, in any case.</param>
    /// <returns>Null where there is none.</returns>
    public ActionHandler? Find(ResourceId id, string action) =>
        FindNamed(id, action) ?? FindNamed(id, ActionHandler.AnyOther);

    private ActionHandler? FindNamed(ResourceId id, string name) =>
        _handlers.FirstOrDefault(handler =>
            handler.IsFor(id) && handler.Name.Equals(name, StringComparison.OrdinalIgnoreCase)
        );

    private static ImmutableArray<ActionHandler> KeyActionsOf(ResourceType ruleType, AuthorizationRuleKeys keys) =>
        [
            new(ruleType, RelayAuthorizationRule.ListKeysAction, keys.ServeList),
            new(ruleType, RelayAuthorizationRule.RegenerateKeysAction, keys.ServeRegeneration),
            new(ruleType, ActionHandler.AnyOther, AuthorizationRuleKeys.RefuseOther),
        ];
}
