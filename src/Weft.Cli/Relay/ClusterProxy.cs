using System.Net;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Relay.Client;

namespace Weft.Cli.Relay;

/// <summary>A port of this machine that is a cluster's API server, for as long as it runs.</summary>
internal sealed class ClusterProxy(CommandSession session, RelayConnector connector, LocalListener listener)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    // A page of a console opens dozens of connections; one line says what is wrong with all of them.
    private static readonly TimeSpan RepeatInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private (string Text, long At) _lastReport;

    /// <summary>The address for kubectl.</summary>
    public Uri Server
    {
        get
        {
            var isAny = IPAddress.Any.Equals(listener.EndPoint.Address);
            var address = isAny ? IPAddress.Loopback : listener.EndPoint.Address;
            return new Uri($"https://{new IPEndPoint(address, listener.EndPoint.Port)}");
        }
    }

    /// <summary>Waits until the API server has answered through the relay.</summary>
    /// <param name="isOpen">Whether the entry says nothing yet of how the API server is known: then it is by what the
    /// cluster's agent has reported.</param>
    /// <returns>What kubectl is to be told, when it can begin.</returns>
    /// <exception cref="CliError">It didn't; it says why.</exception>
    public async Task<KubeconfigEntry> WaitUntilReadyAsync(
        KubeconfigEntry entry,
        bool isOpen,
        TimeSpan patience,
        CancellationToken cancel
    )
    {
        var clock = session.Environment.Clock;
        for (var (start, waits) = (clock.GetTimestamp(), false); ; waits = true)
        {
            try
            {
                await using var stream = await connector.ConnectAsync(cancel);
                // Not asked before: an agent that was waited for may have brought them.
                if (isOpen && await GetReportedAuthorityAsync(cancel) is { } authority)
                    entry = entry.WithAuthority(authority);
                if (await ApiServerTls.FindTrustErrorAsync(stream, entry.Cluster, cancel) is { } distrust)
                    session.Error.WriteLine(
                        $"warning: the API server of {Label.For(connector.Target)} answers, but kubectl won't talk to it: {distrust}",
                        TextStyle.Changed
                    );
                return entry;
            }
            catch (IOException e) when (IsTransient(e) && clock.GetElapsedTime(start) < patience)
            {
                if (!waits)
                    session.Error.WriteLine($"waiting: {connector.ToCliError(e).Message}", TextStyle.Faint);
                await Task.Delay(RetryInterval, clock, cancel);
            }
            catch (IOException e)
            {
                throw connector.ToCliError(e);
            }
        }
    }

    /// <summary>Serves kubectl.</summary>
    public Task RunAsync(CancellationToken cancel) => listener.RunAsync(connector.ConnectAsync, ReportFailure, cancel);

    /// <summary>The CA certificates that the cluster's agent has reported, PEM; null where none has.</summary>
    private async Task<string?> GetReportedAuthorityAsync(CancellationToken cancel)
    {
        var connection = (
            await session.Client.GetAsync(
                $"{connector.Target}/providers/Weft.Relay/connections/default?api-version={KindTable.WeftApiVersion}",
                cancel
            )
        ).Object;
        return connection["properties"]?["certificateAuthority"]?.ToString() is { Length: > 0 } pem ? pem : null;
    }

    /// <summary>No rule and no token changes by waiting; an agent that is starting or coming back does.</summary>
    private static bool IsTransient(IOException e) =>
        e is not RelayRefusedException { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden };

    private void ReportFailure(Exception e)
    {
        var text = e is IOException io
            ? connector.ToCliError(io) is var cliError && cliError.NextStep is { } next
                ? $"{cliError.Message}; {next}"
                : cliError.Message
            : e.Message;
        var clock = session.Environment.Clock;
        lock (_gate)
        {
            // Tracking ids differ; what is wrong doesn't.
            var kind = text.Split("TrackingId:", 2)[0];
            if (_lastReport.Text == kind && clock.GetElapsedTime(_lastReport.At) < RepeatInterval)
                return;
            _lastReport = (kind, clock.GetTimestamp());
        }

        session.Error.WriteLine($"connection refused: {text}", TextStyle.Error);
    }
}
