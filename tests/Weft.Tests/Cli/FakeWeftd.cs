using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Web;
using Weft.Cli.Kinds;
using Weft.Contracts;
using Weft.Resources;

namespace Weft.Tests.Cli;

/// <summary>
/// The contract of weftd as far as the command line needs it (docs/specs/resource-api.md), in memory, with a record of
/// events.
/// </summary>
internal sealed class FakeWeftd : HttpMessageHandler
{
    // Links name another host on purpose: whoever follows them there leaves the server.
    private const string OtherHost = "https://weftd.example.org";

    private static readonly string[] Order =
    [
        "resourcegroups",
        "networkfabrics",
        "clusters",
        "l2isolationdomains",
        "l3isolationdomains",
        "internalnetworks",
        "enable",
        "l2networks",
        "l3networks",
        "trunkednetworks",
        "cloudservicesnetworks",
        "kubernetesclusters",
        "agentpools",
        "virtualmachines",
    ];

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (ResourceId Id, string Verb, int Polls)> _operations = [];

    /// <summary>What is stored, by the id in lower case.</summary>
    public SortedDictionary<string, JsonObject> Resources { get; } = new(StringComparer.Ordinal);

    /// <summary>What happened: <c>PUT l3networks/n6</c>, <c>done l3networks/n6</c>.</summary>
    public List<string> Events { get; } = [];

    /// <summary>Every request as it came: method, address, headers and body.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>The bodies of PUT by label.</summary>
    public Dictionary<string, JsonObject> Bodies { get; } = [];

    /// <summary>
    /// How the operation of a label ends; <c>Succeeded</c> where nothing is said, <c>Running</c> never ends.
    /// </summary>
    public Dictionary<string, string> Outcomes { get; } = [];

    /// <summary>What must have happened before the operation of a label ends, as the events say it.</summary>
    public Dictionary<string, string> WaitsFor { get; } = [];

    /// <summary>The ids of the agents that an operation says it waits for while it runs.</summary>
    public List<string> AwaitedAgents { get; } = [];

    /// <summary>The pods that operations wait for: the holder of an address on w1's bond0.</summary>
    public List<(string Address, string Holder)> StandingPods { get; } = [];

    /// <summary>Canned answers by the start of path and query.</summary>
    public Dictionary<string, Func<HttpRequestMessage, HttpResponseMessage>> CannedResponses { get; } = [];

    /// <summary>Changes the computed plan.</summary>
    public Action<JsonObject> EditPlan { get; set; } = _ => { };

    /// <summary>The agent that a token was asked for last, as it was asked.</summary>
    public string? LastEnrolmentToken { get; private set; }

    /// <summary>How many members a page of a list has.</summary>
    public int PageSize { get; set; } = 100;

    public static HttpResponseMessage Json(JsonNode body, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };

    public static HttpResponseMessage Error(
        HttpStatusCode status,
        string code,
        string message,
        string? target = null
    ) => Json(new Refusal(Enum.Parse<RefusalCode>(code), message, target).ToErrorBody(), status);

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        var text = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            Requests.Add($"{request.Method} {request.RequestUri} {request.Headers} {text}");
            var address = request.RequestUri!.PathAndQuery;
            foreach (var (start, answer) in CannedResponses)
            {
                if (address.StartsWith(start, StringComparison.OrdinalIgnoreCase))
                    return answer(request);
            }

            return Respond(request, HttpUtility.UrlDecode(request.RequestUri.AbsolutePath), text);
        }
    }

    private HttpResponseMessage Respond(HttpRequestMessage request, string path, string text)
    {
        var body = text.Length == 0 ? null : (JsonObject)JsonNode.Parse(text)!;
        if (path == "/providers/Weft.Fleet/plan")
            return Json(Plan(body!));
        if (path.Contains("/operation", StringComparison.Ordinal))
            return Operation(request, path);
        if (request.Method == HttpMethod.Post)
            return RunAction(path, body);
        if (!ResourceId.TryParse(path, out var id) || KindTable.FindByType(id.Type) is null)
            return List(request, path);
        return request.Method.Method switch
        {
            "PUT" => Put(id, body!),
            "DELETE" => Delete(id),
            _ => Resources.TryGetValue(id.Key, out var found)
                ? Json(found)
                : Error(HttpStatusCode.NotFound, "ResourceNotFound", $"there is no {id}"),
        };
    }

    private JsonObject Plan(JsonObject question)
    {
        var steps = new List<(string Rank, PlannedChange Change)>();
        foreach (var resource in question["resources"]!.AsArray().OfType<JsonObject>())
        {
            var id = ResourceId.Parse(resource["id"]!.ToString()).Value;
            var body = (JsonObject)resource.DeepClone();
            body.Remove("id");
            var enable = (body["properties"] as JsonObject)?.Remove("administrativeState") == true;
            var action =
                !Resources.TryGetValue(id.Key, out var old) ? PlanAction.Create
                : SameBody(old, body) ? PlanAction.Unchanged
                : PlanAction.Update;
            steps.Add((KindTable.FindByType(id.Type)!.Plural, new PlannedChange(id.ToString(), action, [])));
            if (enable && old?["properties"]?["administrativeState"]?.ToString() != "Enabled")
                steps.Add(("enable", new PlannedChange(id.ToString(), PlanAction.Enable)));
        }

        var changes = steps.OrderBy(step => Array.IndexOf(Order, step.Rank)).Select(step => step.Change);
        var plan = new PlanResponse(
            4711,
            [.. changes],
            [],
            [],
            [],
            [],
            new PlannedCapacity([], [], [], []),
            []
        ).ToJson();
        EditPlan(plan);
        return plan;
    }

    private static bool SameBody(JsonObject old, JsonObject body)
    {
        var bare = (JsonObject)old.DeepClone();
        foreach (var member in new[] { "id", "name", "type" })
            bare.Remove(member);
        if (bare["properties"] is JsonObject properties)
        {
            properties.Remove("provisioningState");
            properties.Remove("administrativeState");
            if (properties.Count == 0 && !body.ContainsKey("properties"))
                bare.Remove("properties");
        }

        return JsonNode.DeepEquals(bare, body);
    }

    private HttpResponseMessage Put(ResourceId id, JsonObject body)
    {
        Events.Add($"PUT {Label.For(id)}");
        Bodies[Label.For(id)] = (JsonObject)body.DeepClone();
        var old = Resources.GetValueOrDefault(id.Key);
        if (old is not null && SameBody(old, body))
            return Json(old);
        body["id"] = id.ToString();
        body["name"] = id.Name;
        body["type"] = id.Type.ToString();
        var properties = body["properties"] as JsonObject ?? [];
        properties["provisioningState"] = "Accepted";
        body["properties"] = properties.Parent is null ? properties : body["properties"]!.DeepClone();
        Resources[id.Key] = body;
        var answer = Json(body, old is null ? HttpStatusCode.Created : HttpStatusCode.OK);
        answer.Headers.Add("Azure-AsyncOperation", Start(id, "PUT", "operationStatuses"));
        answer.Headers.Add("Retry-After", "1");
        return answer;
    }

    private HttpResponseMessage Delete(ResourceId id)
    {
        Events.Add($"DELETE {Label.For(id)}");
        if (!Resources.ContainsKey(id.Key))
            return new HttpResponseMessage(HttpStatusCode.NoContent);
        return Accepted(Start(id, "DELETE", "operationResults"));
    }

    private HttpResponseMessage RunAction(string path, JsonObject? body)
    {
        var slash = path.LastIndexOf('/');
        var id = ResourceId.Parse(path[..slash]).Value;
        Events.Add($"POST {Label.For(id)} {path[(slash + 1)..]} {body?["state"]}".TrimEnd());
        if (!path.EndsWith($"/{EnrolmentTokenRequest.ActionName}", StringComparison.Ordinal))
            return Accepted(Start(id, $"{body!["state"]}", "operationResults"));
        LastEnrolmentToken = body!.ToJsonString();
        var (name, node) = (body["name"]!.ToString(), body["node"]?.ToString());
        return Json(
            new EnrolmentTokenResponse("weft_enr_abc", "2026-11-23T10:00:00Z", id.ToString(), name, node).ToJson()
        );
    }

    private static HttpResponseMessage Accepted(string link, JsonObject? body = null)
    {
        var answer = body is null
            ? new HttpResponseMessage(HttpStatusCode.Accepted)
            : Json(body, HttpStatusCode.Accepted);
        answer.Headers.Add("Location", link);
        return answer;
    }

    private string Start(ResourceId id, string verb, string form)
    {
        var name = $"op{_operations.Count + 1}";
        _operations[name] = (id, verb, 0);
        return $"{OtherHost}/subscriptions/{id.Subscription}/providers/Microsoft.NetworkCloud/"
            + $"locations/lab/{form}/{name}?api-version=2026-10-01";
    }

    private HttpResponseMessage Operation(HttpRequestMessage request, string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        var (id, verb, polls) = _operations[name];
        _operations[name] = (id, verb, polls + 1);
        var end = Outcomes.GetValueOrDefault(Label.For(id), "Succeeded");
        var runs =
            polls == 0
            || end == "Running"
            || (WaitsFor.TryGetValue(Label.For(id), out var awaited) && !Events.Contains(awaited));
        if (!runs)
            Finish(id, verb, end);
        var answer =
            path.Contains("/operationStatuses/", StringComparison.Ordinal)
                ? Json(Status(runs ? "InProgress" : end), runs ? HttpStatusCode.Accepted : HttpStatusCode.OK)
            : runs ? Accepted(OtherHost + request.RequestUri!.PathAndQuery, Status("InProgress"))
            : end == "Succeeded" ? new HttpResponseMessage(HttpStatusCode.NoContent)
            : Error(HttpStatusCode.Conflict, "InUse", "it is still used");

        // A held answer: the client asks again at once, and tests do not wait.
        if (end != "Running")
            answer.Headers.Add("Preference-Applied", "wait=10");
        return answer;
    }

    private JsonObject Status(string status)
    {
        var body = new JsonObject { ["status"] = status };
        if (status == "InProgress")
            body["properties"] = new JsonObject
            {
                ["waitsFor"] = new JsonArray([.. AwaitedAgents.Select(agent => JsonValue.Create(agent))]),
                ["heldBy"] = new JsonArray([
                    .. StandingPods.Select(pod => new JsonObject
                    {
                        ["node"] = "w1",
                        ["interface"] = "bond0",
                        ["address"] = pod.Address,
                        ["holder"] = pod.Holder,
                    }),
                ]),
            };
        if (status == "Failed")
            body["error"] = new JsonObject
            {
                ["code"] = "AddressPoolExhausted",
                ["message"] = "no address is left",
                ["target"] = "properties.count",
            };
        return body;
    }

    private void Finish(ResourceId id, string verb, string end)
    {
        Events.Add($"done {Label.For(id)}");
        if (verb == "DELETE" && end == "Succeeded")
            Resources.Remove(id.Key);
        else if (Resources.TryGetValue(id.Key, out var stored) && verb == "PUT")
            stored["properties"]!["provisioningState"] = end == "Succeeded" ? "Succeeded" : end;
        else if (Resources.TryGetValue(id.Key, out stored))
            stored["properties"]!["administrativeState"] = verb + "d";
    }

    private HttpResponseMessage List(HttpRequestMessage request, string path)
    {
        var query = HttpUtility.ParseQueryString(request.RequestUri!.Query);
        var skip = int.Parse(query["$skipToken"] ?? "0", System.Globalization.CultureInfo.InvariantCulture);
        var hits = Resources
            .Values.Where(resource => ListItem(ResourceId.Parse(resource["id"]!.ToString()).Value, path))
            .ToList();
        var page = new JsonObject
        {
            ["value"] = new JsonArray([.. hits.Skip(skip).Take(PageSize).Select(hit => hit.DeepClone())]),
        };
        if (skip + PageSize < hits.Count)
            page["nextLink"] = $"{OtherHost}{path}?api-version={query["api-version"]}&$skipToken={skip + PageSize}";
        return Json(page);
    }

    private static bool ListItem(ResourceId id, string path)
    {
        var kind = KindTable.FindByType(id.Type)!;
        var scopes = new List<ResourceId> { ResourceId.ForSubscription(id.Subscription) };
        if (kind.Parent is not null)
            scopes = [id.Parent!];
        else if (id.ResourceGroup is { } group && !kind.IsGroup)
            scopes.Add(ResourceId.ForResourceGroup(id.Subscription, group));
        return scopes.Any(scope => kind.ListPath(scope).Equals(path, StringComparison.OrdinalIgnoreCase));
    }
}
