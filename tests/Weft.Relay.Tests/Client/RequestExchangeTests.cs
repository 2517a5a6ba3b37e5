using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Weft.Relay.Client;

namespace Weft.Relay.Tests.Client;

public sealed class RequestExchangeTests
{
    private static CancellationToken TimeoutToken => Wait.Token;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(65_536, 65_536)]
    [InlineData(65_537, 10)]
    [InlineData(10, 65_537)]
    [InlineData(8_000_000, 8_000_000)]
    public async Task Answers_SmallAndLarge(int up, int down)
    {
        await using var relay = await RunningRelay.Start();
        var sent = RandomNumberGenerator.GetBytes(up);
        var answer = RandomNumberGenerator.GetBytes(down);
        byte[]? got = null;
        await using var listener = await relay.Listen(
            null,
            o =>
                o with
                {
                    OnRequest = async (request, cancel) =>
                    {
                        Assert.Equal(("POST", $"/{RunningRelay.Path}/x?y=1"), (request.Method, request.Target));
                        got = await HybridConnectionStreamTests.ReadAll(request.Body);
                        return new(201)
                        {
                            Description = "Made it",
                            Headers = [new("X-Weft", "1")],
                            Body = new MemoryStream(answer),
                        };
                    },
                }
        );
        using var response = await Send(relay, HttpMethod.Post, new ByteArrayContent(sent));
        Assert.Equal(answer, await response.Content.ReadAsByteArrayAsync(TimeoutToken));
        Assert.Equal(
            (HttpStatusCode.Created, "Made it", "1"),
            (response.StatusCode, response.ReasonPhrase, response.Headers.GetValues("X-Weft").Single())
        );
        Assert.Equal(sent, got);
        await RunningRelay.Until(() =>
            relay.Events.Any(e => e is { Kind: ListenerEventKind.RequestEnded, Status: 201 } && e.BytesOut == down)
        );
    }

    [Fact]
    public async Task Sends_ASlowAnswerAsItComes()
    {
        await using var relay = await RunningRelay.Start();
        var pipe = new System.IO.Pipelines.Pipe();
        await using var listener = await relay.Listen(
            null,
            o =>
                o with
                {
                    OnRequest = (_, _) => Task.FromResult(new OutgoingResponse(200) { Body = pipe.Reader.AsStream() }),
                }
        );
        await pipe.Writer.WriteAsync("first"u8.ToArray(), TimeoutToken);
        using var response = await Send(relay, HttpMethod.Get, null);
        await using var body = await response.Content.ReadAsStreamAsync(TimeoutToken);
        var buffer = new byte[5];
        await body.ReadExactlyAsync(buffer, TimeoutToken);
        Assert.Equal("first"u8.ToArray(), buffer);
        await pipe.Writer.WriteAsync("second"u8.ToArray(), TimeoutToken);
        await pipe.Writer.CompleteAsync();
        Assert.Equal("second"u8.ToArray(), await HybridConnectionStreamTests.ReadAll(body));
    }

    [Theory]
    [InlineData(false, HttpStatusCode.InternalServerError)]
    [InlineData(true, HttpStatusCode.NotImplemented)]
    public async Task Answers_WhereTheHandlerCant(bool isNone, HttpStatusCode status)
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            null,
            o => o with { OnRequest = isNone ? null : (_, _) => throw new InvalidDataException("a secret") }
        );
        using var response = await Send(relay, HttpMethod.Get, null);
        Assert.Equal(status, response.StatusCode);
        Assert.DoesNotContain(
            "secret",
            response.ReasonPhrase + await response.Content.ReadAsStringAsync(TimeoutToken),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Answers_WhoSendsMoreThanIsRead()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            null,
            o => o with { OnRequest = (_, _) => Task.FromResult(new OutgoingResponse(418)) }
        );
        using var response = await Send(relay, HttpMethod.Post, new ByteArrayContent(new byte[500_000]));
        Assert.Equal(418, (int)response.StatusCode);
    }

    [Fact]
    public async Task Answers_ManyAtATime()
    {
        await using var relay = await RunningRelay.Start();
        await using var listener = await relay.Listen(
            null,
            o =>
                o with
                {
                    OnRequest = async (request, _) =>
                        new(200) { Body = new MemoryStream(await HybridConnectionStreamTests.ReadAll(request.Body)) },
                }
        );
        var sizes = Enumerable.Range(0, 60).Select(i => i * 3000).ToImmutableArray();
        await Task.WhenAll(
            sizes.Select(async size =>
            {
                var sent = RandomNumberGenerator.GetBytes(size);
                using var response = await Send(relay, HttpMethod.Put, new ByteArrayContent(sent));
                Assert.Equal(sent, await response.Content.ReadAsByteArrayAsync(TimeoutToken));
            })
        );
    }

    private static readonly HttpClient Http = new();

    private static Task<HttpResponseMessage> Send(RunningRelay relay, HttpMethod method, HttpContent? content)
    {
        var request = new HttpRequestMessage(
            method,
            $"http://localhost:{relay.Port}/{RunningRelay.Path}/x?y=1&sb-hc-id=7"
        )
        {
            Content = content,
        };
        request.Headers.TryAddWithoutValidation("ServiceBusAuthorization", RunningRelay.Token());
        return Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TimeoutToken);
    }
}
