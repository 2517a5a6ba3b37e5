using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Weft.Resources;

/// <summary>
/// A long-running operation. It is written in the same commit as the resource it brings about, and once more where
/// pods held something up that agents can take away now: so the revision of its row is the revision of the change, which
/// agents report against.
/// </summary>
/// <param name="Name">Its id: unguessable, the last part of the URL.</param>
/// <param name="Verb"><c>Put</c>, <c>Patch</c>, <c>Delete</c> or the name of an action.</param>
/// <param name="Status"><c>InProgress</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Canceled</c>.</param>
/// <param name="StartTime">When it was accepted, RFC 3339.</param>
internal sealed record Operation(string Name, ResourceId Resource, string Verb, string Status, string StartTime)
{
    /// <summary>The status of an operation that runs.</summary>
    public const string InProgress = "InProgress";

    /// <summary>The partition of operations.</summary>
    public const string Partition = "operation";

    /// <summary>When it ended, RFC 3339, or null.</summary>
    public string? EndTime { get; init; }

    /// <summary>Why it failed or was canceled, as an ARM error, or null.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The error's message.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>The id of what the message tells of besides the resource, or null.</summary>
    public string? ErrorDiscloses { get; init; }

    /// <summary>
    /// The agents whose desired state the change alters, by the keys of their ids. It ends when all of them have
    /// applied it.
    /// </summary>
    public ImmutableArray<string> PendingAgents { get; init; } = [];

    /// <summary>
    /// The keys of leases that end with it: an address that an agent still has on an interface is nobody else's until
    /// the agent has taken it off.
    /// </summary>
    public ImmutableArray<string> ReleasesOnCompletion { get; init; } = [];

    /// <summary>Whether it has ended.</summary>
    public bool IsTerminal => Status != InProgress;

    /// <summary>The key of an operation.</summary>
    public static string KeyOf(string name) => $"{Partition}|{name}";

    /// <summary>Reads an operation.</summary>
    public static Operation Read(Row row)
    {
        return row.ReadAs(r =>
        {
            var json = r.Json;
            return new Operation(
                json.Text("name")!,
                ResourceId.Parse(json.Text("resource")!).Value,
                json.Text("verb")!,
                json.Text("status")!,
                json.Text("started")!
            )
            {
                EndTime = json.Text("ended"),
                ErrorCode = json.Text("errorCode"),
                ErrorMessage = json.Text("errorMessage"),
                ErrorDiscloses = json.Text("errorDiscloses"),
                PendingAgents = [.. json.Texts("waitsFor")],
                ReleasesOnCompletion = [.. json.Texts("givesBack")],
            };
        });
    }

    /// <summary>The operation, ended.</summary>
    /// <param name="code">The error's code, or null.</param>
    /// <param name="message">The error's message, or null.</param>
    /// <param name="discloses">The id of what the message tells of besides the resource, or null.</param>
    public Operation Complete(
        string status,
        string now,
        string? code = null,
        string? message = null,
        string? discloses = null
    ) =>
        this with
        {
            ErrorDiscloses = discloses,
            Status = status,
            EndTime = now,
            ErrorCode = code,
            ErrorMessage = message,
        };

    /// <summary>The change that writes it.</summary>
    public Mutation ToMutation()
    {
        var body = new JsonObject
        {
            ["name"] = Name,
            ["resource"] = Resource.ToString(),
            ["verb"] = Verb,
            ["status"] = Status,
            ["started"] = StartTime,
            ["ended"] = EndTime,
            ["errorCode"] = ErrorCode,
            ["errorMessage"] = ErrorMessage,
            ["waitsFor"] = new JsonArray([.. PendingAgents.Select(agent => JsonValue.Create(agent))]),
        };
        if (ErrorDiscloses is not null)
            body["errorDiscloses"] = ErrorDiscloses;
        if (!ReleasesOnCompletion.IsEmpty)
            body["givesBack"] = new JsonArray([.. ReleasesOnCompletion.Select(key => JsonValue.Create(key))]);
        return Mutation.Put(KeyOf(Name), body);
    }
}
