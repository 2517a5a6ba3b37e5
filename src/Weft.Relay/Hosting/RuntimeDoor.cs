using System.Globalization;
using System.Text;
using System.Xml;
using Microsoft.AspNetCore.Http;

namespace Weft.Relay.Hosting;

/// <summary>Where callers ask about a hybrid connection itself: an Atom entry, as the .NET client's <c>GetRuntimeInformationAsync</c> reads it.</summary>
internal sealed class RuntimeDoor(RelayState state)
{
    private const string Atom = "http://www.w3.org/2005/Atom";
    private const string ServiceBus = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";

    /// <summary>Whether a request asks the relay and not a listener.</summary>
    public static bool IsAsked(Caller caller)
        => HttpMethods.IsGet(caller.Context.Request.Method)
        && string.Equals(caller.Context.Request.Headers["X-PROCESS-AT"], "ServiceBus", StringComparison.OrdinalIgnoreCase)
        && caller.Context.Request.Query.ContainsKey("api-version");

    /// <summary>Answers. Any right is enough: who listens must learn the metadata, and so must who sends.</summary>
    public async Task Serve(Caller caller)
    {
        var refusal = state.Gate.Enter(caller, RelayRole.Sender, RelayRights.Manage, out var pass);
        using var held = pass;
        if (refusal is null && pass!.Service.Length > 0)
            refusal = Refusal.NoSuchEndpoint;
        if (refusal is not null)
        {
            await Refuse(caller, refusal);
            return;
        }

        caller.Context.Response.ContentType = "application/atom+xml;type=entry;charset=utf-8";
        await caller.Context.Response.WriteAsync(Entry(pass!.Connection), caller.Context.RequestAborted);
    }

    private async Task Refuse(Caller caller, Refusal refusal)
    {
        state.Audit.Write(new(RelayEventKind.Refused, caller.Path.Path, RelayRole.Sender, "", caller.Source, caller.Tracking)
        {
            Status = refusal.Status, Reason = ReasonPhrase.Clean(refusal.Audit ?? refusal.Text), Key = refusal.Key, Rule = refusal.Rule,
        });
        await state.Brake.Hold(caller.Source.Address, caller.Path.Path, caller.Context.RequestAborted);
        var phrase = ReasonPhrase.Write(refusal.Text, caller.Path.Path, caller.Tracking);
        ReasonPhrase.Set(caller.Context.Response, refusal.Status, phrase);
        caller.Context.Response.ContentType = "application/xml;charset=utf-8";
        await caller.Context.Response.WriteAsync(
            Xml(xml =>
            {
                xml.WriteStartElement("Error");
                xml.WriteElementString("Code", refusal.Status.ToString(CultureInfo.InvariantCulture));
                xml.WriteElementString("Detail", phrase);
                xml.WriteEndElement();
            }),
            caller.Context.RequestAborted);
    }

    private string Entry(HybridConnection connection) => Xml(xml =>
    {
        xml.WriteStartElement("entry", Atom);
        xml.WriteElementString("id", Atom, $"https://{state.Options.PublicAddress.Authority}/{connection.Path}");
        xml.WriteStartElement("title", Atom);
        xml.WriteAttributeString("type", "text");
        xml.WriteString(connection.Path);
        xml.WriteEndElement();
        xml.WriteElementString("published", Atom, Time(connection.CreatedAt));
        xml.WriteElementString("updated", Atom, Time(connection.UpdatedAt));
        xml.WriteStartElement("content", Atom);
        xml.WriteAttributeString("type", "application/xml");
        xml.WriteStartElement("HybridConnectionDescription", ServiceBus);
        xml.WriteElementString("CreatedAt", ServiceBus, Time(connection.CreatedAt));
        xml.WriteElementString("UpdatedAt", ServiceBus, Time(connection.UpdatedAt));
        xml.WriteElementString("RequiresClientAuthorization", ServiceBus, connection.RequiresClientAuthorization ? "true" : "false");
        xml.WriteElementString("UserMetadata", ServiceBus, connection.UserMetadata);
        xml.WriteElementString("ListenerCount", ServiceBus, state.Listeners.Of(connection.Path).Length.ToString(CultureInfo.InvariantCulture));
        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndElement();
    });

    private static string Xml(Action<XmlWriter> write)
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new() { OmitXmlDeclaration = true, CheckCharacters = false }))
            write(xml);
        return text.ToString();
    }

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
