using System.Globalization;
using System.Text;
using System.Xml;
using Microsoft.AspNetCore.Http;
using Weft.Relay.Protocol;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Server.Http;
using Weft.Relay.Server.Sessions;

namespace Weft.Relay.Server.Endpoints;

/// <summary>
/// The endpoint for the runtime information of a hybrid connection: an Atom entry, as the .NET client's
/// <c>GetRuntimeInformationAsync</c> reads it.
/// </summary>
internal sealed class RuntimeInformationEndpoint(RelayState state)
{
    private const string AtomNamespace = "http://www.w3.org/2005/Atom";
    private const string ServiceBusNamespace = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";

    /// <summary>Whether a request is for the relay and not for a listener.</summary>
    public static bool Matches(RelayRequest request) =>
        HttpMethods.IsGet(request.Context.Request.Method)
        && string.Equals(
            request.Context.Request.Headers["X-PROCESS-AT"],
            "ServiceBus",
            StringComparison.OrdinalIgnoreCase
        )
        && request.Context.Request.Query.ContainsKey("api-version");

    /// <summary>Answers. Any right is enough: who listens must learn the metadata, and so must who sends.</summary>
    public async Task Serve(RelayRequest request)
    {
        var refusal = state.Authorizer.Authorize(request, ClientRole.Sender, RelayRights.Manage, out var grant);
        using var heldGrant = grant;
        if (refusal is null && grant!.Service.Length > 0)
            refusal = HttpRefusal.NoSuchEndpoint;
        if (refusal is not null)
        {
            await Refuse(request, refusal);
            return;
        }

        request.Context.Response.ContentType = "application/atom+xml;type=entry;charset=utf-8";
        await request.Context.Response.WriteAsync(
            WriteEntry(request, grant!.Connection),
            request.Context.RequestAborted
        );
    }

    private async Task Refuse(RelayRequest request, HttpRefusal refusal)
    {
        var (status, phrase) = await state.RefuseWithoutBody(request, ClientRole.Sender, refusal);
        if (request.Context.RequestAborted.IsCancellationRequested)
            return;
        ReasonPhrase.Set(request.Context.Response, status, phrase);
        request.Context.Response.ContentType = "application/xml;charset=utf-8";
        await request.Context.Response.WriteAsync(WriteError(status, phrase), request.Context.RequestAborted);
    }

    private static string WriteError(int status, string detail) =>
        WriteXml(xml =>
        {
            xml.WriteStartElement("Error");
            xml.WriteElementString("Code", status.ToString(CultureInfo.InvariantCulture));
            xml.WriteElementString("Detail", detail);
            xml.WriteEndElement();
        });

    private string WriteEntry(RelayRequest request, HybridConnectionDescription connection) =>
        WriteXml(xml =>
        {
            var path = request.Target.PathWithinHost(connection.Path);
            xml.WriteStartElement("entry", AtomNamespace);
            xml.WriteElementString("id", AtomNamespace, $"https://{new Uri(request.Target.Root).Authority}/{path}");
            xml.WriteStartElement("title", AtomNamespace);
            xml.WriteAttributeString("type", "text");
            xml.WriteString(path);
            xml.WriteEndElement();
            xml.WriteElementString("published", AtomNamespace, FormatTime(connection.CreatedAt));
            xml.WriteElementString("updated", AtomNamespace, FormatTime(connection.UpdatedAt));
            xml.WriteStartElement("content", AtomNamespace);
            xml.WriteAttributeString("type", "application/xml");
            WriteDescription(xml, connection);
            xml.WriteEndElement();
            xml.WriteEndElement();
        });

    private void WriteDescription(XmlWriter xml, HybridConnectionDescription connection)
    {
        xml.WriteStartElement("HybridConnectionDescription", ServiceBusNamespace);
        xml.WriteElementString("CreatedAt", ServiceBusNamespace, FormatTime(connection.CreatedAt));
        xml.WriteElementString("UpdatedAt", ServiceBusNamespace, FormatTime(connection.UpdatedAt));
        xml.WriteElementString(
            "RequiresClientAuthorization",
            ServiceBusNamespace,
            connection.RequiresClientAuthorization ? "true" : "false"
        );
        xml.WriteElementString("UserMetadata", ServiceBusNamespace, connection.UserMetadata);
        xml.WriteElementString(
            "ListenerCount",
            ServiceBusNamespace,
            state.Listeners.ListenersOf(connection.Path).Length.ToString(CultureInfo.InvariantCulture)
        );
        xml.WriteEndElement();
    }

    private static string WriteXml(Action<XmlWriter> write)
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new() { OmitXmlDeclaration = true, CheckCharacters = false }))
            write(xml);
        return text.ToString();
    }

    private static string FormatTime(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
