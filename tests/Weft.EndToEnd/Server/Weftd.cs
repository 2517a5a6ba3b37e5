using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Weft.Contracts;
using Weft.EndToEnd.Relay;
using Weft.Server.Identity;

namespace Weft.EndToEnd.Server;

/// <summary>The program as a child on a directory: started, asked, stopped, killed, started again.</summary>
internal sealed class Weftd : IAsyncDisposable
{
    private static readonly string Program = Programs.PathOf("Weft.Server", "weftd");
    private readonly ConcurrentQueue<string> _output = [];
    private readonly ConcurrentQueue<string> _errors = [];
    private readonly string[] _arguments;
    private readonly Action<ProcessStartInfo>? _prepare;
    private Process? _process;

    private Weftd(string data, string[] arguments, Action<ProcessStartInfo>? prepare) =>
        (Data, _arguments, _prepare) = (data, arguments, prepare);

    public string Data { get; }

    public Uri Url { get; private set; } = new("http://127.0.0.1");

    public int ProcessId => _process!.Id;

    public string Token => File.ReadAllText(Path.Join(Data, "admin.token")).Trim();

    /// <summary>Everything it ever printed to stdout, over all its lives.</summary>
    public IReadOnlyCollection<string> Output => _output;

    public IReadOnlyCollection<string> Errors => _errors;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Task<Weftd> Start(params string[] arguments) => Start(null, arguments);

    /// <summary>The same in surroundings of its own, such as on a disk that fails.</summary>
    public static async Task<Weftd> Start(Action<ProcessStartInfo>? prepare, params string[] arguments)
    {
        var data = Path.Join(Directory.CreateTempSubdirectory("weftd-").FullName, "data");
        var weftd = new Weftd(data, arguments, prepare);
        await weftd.Start();
        return weftd;
    }

    /// <summary>The process's number.</summary>
    public int Id => _process!.Id;

    /// <summary>Starts it, on the directory it had before, and returns when it has said that it listens.</summary>
    public async Task Start()
    {
        var said = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = Spawn(ServeWords(Data, _arguments), _prepare);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                _ = said.TrySetException(
                    new InvalidOperationException($"weftd went without a word: {string.Join('\n', _errors)}")
                );
                return;
            }

            _output.Enqueue(line.Data);
            _ = said.TrySetResult(line.Data);
        };
        process.ErrorDataReceived += (_, line) => _errors.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        var line = await said.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        Assert.StartsWith("weft: listening on ", line, StringComparison.Ordinal);
        Url = new Uri(line["weft: listening on ".Length..]);
    }

    /// <summary>Kills it in the middle of whatever it does.</summary>
    public async Task Kill()
    {
        _process!.Kill();
        await _process.WaitForExitAsync(Cancel);
        _process.Dispose();
        _process = null;
    }

    /// <summary>Asks it to stop; returns its exit code.</summary>
    public Task<int> Stop()
    {
        Assert.Equal(0, Signal(_process!.Id, 15));
        return WaitForEnd();
    }

    /// <summary>Waits until it has ended by itself; returns its exit code.</summary>
    public async Task<int> WaitForEnd()
    {
        await _process!.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        var code = _process.ExitCode;
        _process.Dispose();
        _process = null;
        return code;
    }

    /// <summary>Runs another one to its end.</summary>
    public static Task<(int Code, string Output, string Errors)> Run(string data, params string[] arguments) =>
        Run(data, null, arguments);

    /// <summary>The same in surroundings of its own.</summary>
    public static Task<(int Code, string Output, string Errors)> Run(
        string data,
        Action<ProcessStartInfo>? prepare,
        params string[] arguments
    ) => RunToEnd(ServeWords(data, arguments), prepare);

    /// <summary>Runs another command of it to its end.</summary>
    public static Task<(int Code, string Output, string Errors)> RunCommand(params string[] words) =>
        RunToEnd(words, null);

    private static async Task<(int Code, string Output, string Errors)> RunToEnd(
        string[] words,
        Action<ProcessStartInfo>? prepare
    )
    {
        using var process = Spawn(words, prepare);
        var (output, errors) = (
            process.StandardOutput.ReadToEndAsync(Cancel),
            process.StandardError.ReadToEndAsync(Cancel)
        );
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Asks as the administrator, or with another token.</summary>
    public async Task<(int Status, JsonNode? Body, HttpResponseHeaders Headers)> SendRequest(
        HttpClient client,
        string method,
        string path,
        JsonNode? body = null,
        string? token = null,
        int wait = 20
    )
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(Url, Versioned(path)));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token ?? Token);
        request.Headers.Add("Prefer", $"wait={wait}");
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await client.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return ((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), response.Headers);
    }

    /// <summary>A token that enrols one agent of a cluster, once.</summary>
    public async Task<string> EnrolmentToken(HttpClient client, string cluster, string name, string? node = null)
    {
        var wanted = new EnrolmentTokenRequest(name, node, Replace: false, EnrolmentTokenRequest.DefaultMinutes);
        var made = await SendRequest(client, "POST", $"{cluster}/{EnrolmentTokenRequest.ActionName}", wanted.ToJson());
        Assert.True(made.Status == 200, made.Body?.ToJsonString());
        return EnrolmentTokenResponse.Read(made.Body!.AsObject())!.Token;
    }

    /// <summary>Enrols as the agent of a cluster would.</summary>
    /// <returns>The credential that it has made.</returns>
    public async Task<string> Enrol(HttpClient client, string cluster, string name)
    {
        var token = await EnrolmentToken(client, cluster, name);
        var credential = CredentialStore.NewToken(BearerToken.AgentKind);
        var request = new EnrolmentRequest(name, BearerToken.HashOf(credential), null, null);
        var body = JsonNode.Parse(request.ToBytes());
        var enrolled = await SendRequest(client, "POST", $"{AgentApi.Root}{AgentApi.Enrol}", body, token);
        Assert.True(enrolled.Status == 201, enrolled.Body?.ToJsonString());
        return credential;
    }

    /// <summary>Makes a document of a site and waits until it is provisioned.</summary>
    public async Task Create(HttpClient client, string id, JsonObject body)
    {
        var enables = body.ContainsKey("state");
        var (status, answer, headers) = await SendRequest(
            client,
            enables ? "POST" : "PUT",
            enables ? $"{id}/updateAdministrativeState" : id,
            body
        );
        Assert.True(status is 200 or 201 or 202, answer?.ToJsonString());
        if (!headers.TryGetValues("Azure-AsyncOperation", out var watched))
            return;
        var ended = await SendRequest(client, "GET", new Uri(watched.Single()).PathAndQuery);
        Assert.Equal("Succeeded", ended.Body!["status"]!.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process?.Dispose();
        Directory.Delete(Path.GetDirectoryName(Data)!, true);
    }

    private static string Versioned(string path) =>
        path.Contains("api-version=", StringComparison.Ordinal) || path.StartsWith("/agents/", StringComparison.Ordinal)
            ? path
            : $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}api-version={Documents.VersionOf(path)}";

    private static string[] ServeWords(string data, string[] arguments) =>
        ["serve", "--data", data, "--listen", "127.0.0.1:0", .. arguments];

    private static Process Spawn(string[] words, Action<ProcessStartInfo>? prepare)
    {
        var start = new ProcessStartInfo(Program, words)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        prepare?.Invoke(start);
        return Process.Start(start)!;
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);
}
