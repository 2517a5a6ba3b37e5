namespace Weft.Cli.Relay;

/// <summary>
/// An entry that is in a kubeconfig for as long as it is held. kubectl writes back what it read before it took its lock
/// (client-go, tools/clientcmd, ModifyConfig), and with that takes out what others have added in between: an entry that
/// was lost so is put back.
/// </summary>
internal sealed class KubeconfigRegistration : IAsyncDisposable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    private readonly KubeconfigFile _file;
    private readonly KubeconfigEntry _entry;
    private readonly bool _makesCurrent;
    private readonly CancellationTokenSource _ended = new();
    private Task _keeping = Task.CompletedTask;

    private KubeconfigRegistration(KubeconfigFile file, KubeconfigEntry entry, bool makesCurrent) =>
        (_file, _entry, _makesCurrent) = (file, entry, makesCurrent);

    /// <summary>Writes an entry into a kubeconfig, and keeps it there.</summary>
    /// <param name="makesCurrent">Whether its context becomes the current one.</param>
    /// <param name="restored">Is called each time that the entry was lost and put back.</param>
    /// <exception cref="CliError">It can't be written.</exception>
    public static async Task<KubeconfigRegistration> AddAsync(
        KubeconfigFile file,
        KubeconfigEntry entry,
        bool makesCurrent,
        TimeProvider clock,
        Action restored,
        CancellationToken cancel
    )
    {
        await file.UpdateAsync(text => entry.AddTo(text, makesCurrent), cancel);
        var registration = new KubeconfigRegistration(file, entry, makesCurrent);
        registration._keeping = registration.KeepAsync(clock, restored);
        return registration;
    }

    /// <summary>Takes the entry out.</summary>
    /// <exception cref="CliError">It can't be written.</exception>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        await _keeping;
        _ended.Dispose();
        await _file.UpdateAsync(
            text => KubeconfigEntry.RemoveFrom(text, _entry.Name, _entry.Owner),
            CancellationToken.None
        );
    }

    private async Task KeepAsync(TimeProvider clock, Action restored)
    {
        using var timer = new PeriodicTimer(CheckInterval, clock);
        var seen = default(DateTime?);
        try
        {
            while (await timer.WaitForNextTickAsync(_ended.Token))
            {
                var written = _file.LastWritten;
                if (written is null || written == seen)
                    continue;
                if (await RestoreAsync())
                    restored();
                seen = written;
            }
        }
        catch (OperationCanceledException) when (_ended.IsCancellationRequested)
        {
            // The entry is on its way out.
        }
    }

    /// <summary>Puts the entry back where it was lost.</summary>
    /// <returns>Whether it was.</returns>
    private async Task<bool> RestoreAsync()
    {
        var wasLost = false;
        try
        {
            // kubectl writes in place: a file that is read without its lock may be half of one.
            if (_entry.IsLostFrom(_file.Read()))
                await _file.UpdateAsync(
                    text => (wasLost = _entry.IsLostFrom(text)) ? _entry.AddTo(text, _makesCurrent) : text,
                    _ended.Token
                );
        }
        catch (CliError)
        {
            // What somebody has broken is theirs to mend; the next change is looked at again.
            return false;
        }

        return wasLost;
    }
}
