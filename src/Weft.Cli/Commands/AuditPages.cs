using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Contracts;

namespace Weft.Cli.Commands;

/// <summary>The records that a question has, page by page, and behind the last page those to come.</summary>
/// <param name="path">Path and query of the first page.</param>
internal sealed class AuditPages(ArmClient client, string path)
{
    /// <summary>Shorter than the client's patience, so that a silent server is told from one that waits.</summary>
    private const string Preference = "wait=20";

    private string? _next = path;

    /// <summary>Reads all that there is.</summary>
    /// <param name="limit">How many are kept: the newest.</param>
    /// <returns>The records, and how many older ones there are besides.</returns>
    public async Task<(IReadOnlyList<AuditRecord> Records, long Older)> ReadToEnd(int limit, CancellationToken cancel)
    {
        var kept = new Queue<AuditRecord>();
        long older = 0;
        while (_next is not null)
        {
            var before = _next;
            foreach (var record in await ReadPage(null, cancel))
            {
                kept.Enqueue(record);
                if (kept.Count > limit)
                {
                    kept.Dequeue();
                    older++;
                }
            }

            // Who follows is given a link at the end too: to where it was.
            if (_next is not null && PlaceOf(_next) == PlaceOf(before))
                break;
        }

        return ([.. kept], older);
    }

    /// <summary>Waits for more, for as long as the server does.</summary>
    public Task<IReadOnlyList<AuditRecord>> Wait(CancellationToken cancel) => ReadPage(Preference, cancel);

    private async Task<IReadOnlyList<AuditRecord>> ReadPage(string? prefer, CancellationToken cancel)
    {
        var next = _next ?? throw new CliError("the server doesn't say where its record goes on");
        var page = (await client.SendAsync(HttpMethod.Get, next, null, prefer, cancel)).Object;
        _next = page["nextLink"]?.ToString();
        return
        [
            .. (page["value"] as JsonArray ?? [])
                .OfType<JsonObject>()
                .Select(one => (one["properties"] as JsonObject)?.ReadAs(ContractJson.Default.AuditRecord))
                .OfType<AuditRecord>(),
        ];
    }

    private static string PlaceOf(string link)
    {
        const string Token = "$skipToken=";
        var at = link.LastIndexOf(Token, StringComparison.Ordinal);
        return at < 0 ? "" : link[at..];
    }
}
