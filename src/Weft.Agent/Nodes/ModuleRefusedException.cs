namespace Weft.Agent.Nodes;

/// <summary>The node's policy keeps the agent from loading a module of the kernel.</summary>
/// <param name="rule">The rule of the policy.</param>
internal sealed class ModuleRefusedException(string module, string rule)
    : IOException($"refused by the node's policy, {rule}: the module {module} is not loaded for weftd");
