using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Weft.Benchmarks;

/// <summary>weftd on a directory of its own, for somebody who means harm, and for those who watch what it costs others.</summary>
internal sealed class AttackedServer : IDisposable
{
    private const string Listens = "weft: listening on ";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("weft-attack-");
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(90) };
    private readonly Process _process;

    /// <param name="program">weftd.</param>
    /// <param name="limits">The file of <c>--limits</c>; null for the defaults.</param>
    /// <param name="words">What its command line says besides.</param>
    public AttackedServer(string program, string? limits = null, params string[] words)
    {
        if (limits is not null)
        {
            File.WriteAllText(Limits, limits);
            words = [.. words, "--limits", Limits];
        }

        _process =
            Process.Start(
                new ProcessStartInfo(program, ["serve", "--data", Data, "--listen", "127.0.0.1:0", .. words])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            ) ?? throw new InvalidOperationException($"{program} can't be started");
        var line = _process.StandardOutput.ReadLine() ?? "";
        if (!line.StartsWith(Listens, StringComparison.Ordinal))
            throw new InvalidOperationException($"{program} didn't start: {_process.StandardError.ReadToEnd()}");
        // Nobody reads it otherwise, and a full pipe would stop the server.
        _ = _process.StandardError.ReadToEndAsync();
        Url = new Uri(line[Listens.Length..]);
        Token = File.ReadAllText(TokenFile).Trim();
    }

    public Uri Url { get; }

    public string Token { get; }

    public string Root => _root.FullName;

    public string TokenFile => Path.Combine(Data, "admin.token");

    /// <summary>What it has in memory, bytes.</summary>
    public long ResidentBytes => RelayFolder.ResidentBytes(_process);

    /// <summary>What it has spent of the processor since it started.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    private string Data => Path.Combine(_root.FullName, "data");

    private string Limits => Path.Combine(_root.FullName, "limits.json");

    /// <summary>Asks as the administrator, or with another token.</summary>
    public async Task<(int Status, JsonNode? Body)> Send(
        HttpMethod method,
        string path,
        JsonNode? body = null,
        string? token = null,
        CancellationToken cancel = default
    )
    {
        using var request = new HttpRequestMessage(method, new Uri(Url, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token ?? Token);
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await _http.SendAsync(request, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return ((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text));
    }

    /// <summary>Asks for what must be done.</summary>
    public async Task<JsonNode?> Do(HttpMethod method, string path, JsonNode? body = null, string? token = null)
    {
        var (status, answer) = await Send(method, path, body, token);
        return status < 300
            ? answer
            : throw new InvalidOperationException($"{method} {path}: {status} {answer?.ToJsonString()}");
    }

    /// <summary>How long the slowest but one in a hundred takes, of reads one after the other, in milliseconds.</summary>
    public async Task<double> MeasureReads(int count)
    {
        var took = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var watch = Stopwatch.StartNew();
            await Do(HttpMethod.Get, "/subscriptions?api-version=2022-12-01");
            took.Add(watch.Elapsed.TotalMilliseconds);
        }

        took.Sort();
        return took[(int)(0.99 * (took.Count - 1))];
    }

    public void Dispose()
    {
        using (var kill = Process.Start("kill", ["-KILL", _process.Id.ToString(CultureInfo.InvariantCulture)]))
            kill.WaitForExit();
        _process.WaitForExit();
        _process.Dispose();
        _http.Dispose();
        _root.Delete(true);
    }
}
