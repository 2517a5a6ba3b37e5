using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Weft.Contracts;

namespace Weft.Agent.ControlPlane;

/// <summary>
/// Puts a new credential in the place of the agent's own before it grows old, so that one that was copied is good for a
/// while at most. Both secrets are on the disk before the control plane hears of the new one, and the one in force stays
/// so until the new one is used: wherever it is cut short, one of the two is good.
/// </summary>
/// <param name="path">Where the identity is kept.</param>
/// <param name="maxAge">How old a credential may become; zero for as old as it may.</param>
/// <param name="keep">Where it is kept besides, before it is used; null for nowhere.</param>
internal sealed class CredentialRotation(
    ControlPlaneClient plane,
    string path,
    TimeSpan maxAge,
    AgentTimings timings,
    TimeProvider clock,
    ILogger log,
    Func<Identity, CancellationToken, Task>? keep = null
) : IDisposable
{
    /// <summary>The earliest part of its life at which a credential is replaced: a fleet that was enrolled at once spreads.</summary>
    private const double EarliestShare = 0.8;

    private readonly SemaphoreSlim _one = new(1, 1);

    // Made and on the disk, and not known to be known to the control plane.
    private Identity? _announcing;

    /// <summary>Whether a credential that is refused may be made known by the one before it.</summary>
    public bool CanRecover => plane.Identity?.Previous is not null;

    /// <summary>Looks now and then whether it is time, until cancelled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        var backoff = new Backoff(timings.CredentialCheckInterval, timings.MaxCredentialBackoff);
        var wait = timings.CredentialCheckInterval;
        while (true)
        {
            await Task.Delay(wait, clock, cancel);
            wait = timings.CredentialCheckInterval;
            if (plane.Identity is not { } identity || !IsDue(identity))
                continue;
            try
            {
                await Rotate(cancel);
                backoff.Reset();
            }
            catch (Exception e) when (IsExpected(e) && !cancel.IsCancellationRequested)
            {
                wait = backoff.NextDelay((e as ControlPlaneException)?.RetryAfter);
                log.CredentialNotRotated(e, Math.Round(wait.TotalSeconds, 1));
            }
        }
    }

    /// <summary>Makes the credential that the control plane doesn't know known to it by the one before.</summary>
    /// <exception cref="ControlPlaneException">It can't be reached, or knows neither.</exception>
    public async Task Recover(CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            if (plane.Identity is not { Previous: { } previous } identity)
                return;
            try
            {
                await plane.AnnounceCredential(BearerToken.HashOf(identity.Credential), previous, cancel);
            }
            catch (ControlPlaneException e) when (e is { IsRefusal: true, IsBearerRefused: false })
            {
                // An earlier weftd, which knows of one credential only, and takes the one before.
                await Adopt(identity with { Credential = previous, Previous = null }, cancel);
                return;
            }

            await plane.AnnounceCredential(BearerToken.HashOf(identity.Credential), identity.Credential, cancel);
            log.CredentialRecovered();
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    /// <summary>When a credential is to be replaced: at a time of its own, so that a start anew doesn't move it.</summary>
    private bool IsDue(Identity identity)
    {
        if (maxAge <= TimeSpan.Zero)
            return false;
        var share = BinaryPrimitives.ReadUInt16LittleEndian(
            SHA256.HashData(Encoding.ASCII.GetBytes(identity.Credential))
        );
        var life = maxAge * (EarliestShare + ((1 - EarliestShare) * share / ushort.MaxValue));
        var age = clock.GetUtcNow() - (identity.Since ?? DateTimeOffset.MinValue);
        // From a time that hasn't come: the clock was wrong then, and nobody knows how old it is.
        return age >= life || age < -maxAge;
    }

    private async Task Rotate(CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            var old = plane.Identity!;
            if (_announcing is not { } fresh || fresh.Previous != old.Credential)
            {
                fresh = old with { Credential = NewSecret(), Previous = old.Credential, Since = clock.GetUtcNow() };
                await Keep(fresh, cancel);
                _announcing = fresh;
            }

            var hash = BearerToken.HashOf(fresh.Credential);
            await Announce(old, hash, cancel);
            // From here on requests show the new one, and the first that arrives ends the old one.
            plane.Identity = fresh;
            _announcing = null;
            await plane.AnnounceCredential(hash, fresh.Credential, cancel);
            log.CredentialRotated();
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task Announce(Identity old, string hash, CancellationToken cancel)
    {
        try
        {
            await plane.AnnounceCredential(hash, old.Credential, cancel);
        }
        catch (ControlPlaneException e) when (e is { IsRefusal: true, IsBearerRefused: false })
        {
            // It isn't taken and won't be: what is on the disk is put back, so that the next start asks with what is good.
            _announcing = null;
            await Keep(old, cancel);
            throw;
        }
    }

    private async Task Adopt(Identity identity, CancellationToken cancel)
    {
        await Keep(identity, cancel);
        plane.Identity = identity;
    }

    private async Task Keep(Identity identity, CancellationToken cancel)
    {
        if (keep is not null)
            await keep(identity, cancel);
        identity.Save(path);
    }

    private static string NewSecret() =>
        BearerToken.Create(BearerToken.AgentKind, RandomNumberGenerator.GetBytes(BearerToken.RandomLength));

    private static bool IsExpected(Exception e) =>
        e is ControlPlaneException or IOException or UnauthorizedAccessException;
}
