using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

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
[JsonSerializable(typeof(CredentialRequest))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(PodLease))]
[JsonSerializable(typeof(LeaseSession))]
[JsonSerializable(typeof(LeaseRegistrationResponse))]
[JsonSerializable(typeof(SocketRequest))]
[JsonSerializable(typeof(EnrolmentTokenResponse))]
[JsonSerializable(typeof(PlanResponse))]
[JsonSerializable(typeof(AuditRecord))]
[JsonSerializable(typeof(PendingInquiries))]
[JsonSerializable(typeof(InquiryReport))]
[JsonSerializable(typeof(BlockReport))]
[JsonSerializable(typeof(BlockReply))]
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

/// <summary>Reads a message whose members are read one to one.</summary>
internal static class ContractReader
{
    /// <summary>Reads a body.</summary>
    /// <returns>The message; null where the body is none.</returns>
    public static T? ReadAs<T>(this JsonObject body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return body.Deserialize(type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
