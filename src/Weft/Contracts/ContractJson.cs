using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Weft.Contracts;

/// <summary>
/// The messages whose members are read and written one to one; reflection wouldn't survive compilation ahead of time.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true
)]
[JsonSerializable(typeof(EnrolmentRequest))]
[JsonSerializable(typeof(EnrolmentResponse))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(PodLease))]
[JsonSerializable(typeof(SocketRequest))]
[JsonSerializable(typeof(EnrolmentTokenResponse))]
[JsonSerializable(typeof(PlanResponse))]
internal sealed partial class ContractJson : JsonSerializerContext;

/// <summary>
/// The same as <see cref="ContractJson"/> in weftd's spelling: ids are full of '/' and '+', and stay legible.
/// </summary>
internal static class ServerJson
{
    /// <summary>The types, for whoever writes an answer of weftd.</summary>
    public static ContractJson Default { get; } =
        new(
            new JsonSerializerOptions(ContractJson.Default.Options)
            {
                Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            }
        );
}
