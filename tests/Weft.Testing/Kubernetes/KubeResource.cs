using System.Text.Json.Nodes;

namespace Weft.Testing.Kubernetes;

/// <summary>A kind that is served.</summary>
internal sealed record KubeResource(string Group, string Version, string Plural, string Kind, bool IsNamespaced)
{
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The kind as messages about preconditions name it.</summary>
    public string KindTitle => Group.Length == 0 ? Kind : $"{Kind}.{Group}";

    public string Title => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>One change, as a watch tells it.</summary>
internal sealed record KubeEvent(long Version, string Type, KubeResource Resource, JsonObject Object);
