using System.Globalization;
using System.Text.Json.Nodes;
using Weft.Cli.Arm;
using Weft.Cli.Kinds;
using Weft.Relay.Protocol;
using Weft.Resources;

namespace Weft.Cli.Relay;

/// <summary>Where a connection is, and a token that is good for it for a while.</summary>
internal sealed record RelayCredentials(HybridConnectionAddress Address, string Token, DateTimeOffset ExpiresAt)
{
    /// <summary>Hides the token: a record prints its members.</summary>
    public override string ToString() => $"{Address} until {ExpiresAt:u}";

    /// <summary>Reads what <c>listCredentials</c> answers.</summary>
    /// <exception cref="CliError">It is no such answer.</exception>
    public static RelayCredentials FromJson(JsonObject answer)
    {
        var name = (answer["hybridConnectionName"]?.ToString() ?? "").Split('/').Select(Uri.EscapeDataString);
        var place = $"{answer["relay"]}/{string.Join('/', name)}";
        if (
            !HybridConnectionAddress.TryParse(place, out var address)
            || answer["token"]?.ToString() is not { Length: > 0 } token
            || !long.TryParse(
                answer["expiresOn"]?.ToString(),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var expires
            )
        )
            throw new CliError(
                "the server's answer names no relay",
                next: "is there a weftd with --relay-listen at the configured address?"
            );
        return new RelayCredentials(address, token, DateTimeOffset.FromUnixTimeSeconds(expires));
    }
}

/// <summary>
/// Gets credentials from weftd, keeps them while they are good, and asks for new ones well before they end. Safe for
/// many threads.
/// </summary>
/// <param name="life">How long they are to be good: 60 s to an hour.</param>
/// <param name="role"><c>sender</c>, or <c>listener</c> for whoever answers in the target's stead.</param>
internal sealed class RelayCredentialSource(ArmClient client, ResourceId target, TimeSpan life, string role = "sender")
    : IDisposable
{
    private readonly SemaphoreSlim _refresh = new(1);
    private RelayCredentials? _current;

    /// <summary>Credentials that are good now.</summary>
    /// <returns>The credentials: new ones once a fifth of the life is left; the old ones still where the server doesn't
    /// answer.</returns>
    public async Task<RelayCredentials> GetAsync(CancellationToken cancel)
    {
        await _refresh.WaitAsync(cancel);
        try
        {
            var left = (_current?.ExpiresAt ?? default) - client.Clock.GetUtcNow();
            if (left > life / 5)
                return _current!;
            try
            {
                _current = await RequestAsync(cancel);
            }
            catch (Exception e)
                when (e is CliError or ArmException { Status: >= 500 } && left > TimeSpan.FromSeconds(5))
            {
                // weftd may restart while the relay's tokens are good; the next connection asks again.
            }

            return _current!;
        }
        finally
        {
            _refresh.Release();
        }
    }

    /// <summary>Forgets credentials that the relay wouldn't take: a key may have changed.</summary>
    public void Invalidate(RelayCredentials refused) => Interlocked.CompareExchange(ref _current, null, refused);

    /// <inheritdoc/>
    public void Dispose() => _refresh.Dispose();

    private async Task<RelayCredentials> RequestAsync(CancellationToken cancel)
    {
        var seconds = ((int)life.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var path =
            $"{target}/providers/Weft.Relay/connections/default/listCredentials?api-version={KindTable.WeftApiVersion}&expiresin={seconds}";
        return RelayCredentials.FromJson(
            (await client.SendAsync(HttpMethod.Post, path, new JsonObject { ["role"] = role }, null, cancel)).Object
        );
    }
}
