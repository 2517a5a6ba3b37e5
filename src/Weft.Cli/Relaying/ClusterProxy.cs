using System.Net;
using Weft.Cli.Kinds;
using Weft.Cli.Output;
using Weft.Relay.Clients;

namespace Weft.Cli.Relaying;

/// <summary>A port of this machine that is a cluster's API server, for as long as it runs.</summary>
internal sealed class ClusterProxy(Session session, RelayLine line, LocalPort port)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // A page of a console opens dozens of connections; one line says what is wrong with all of them.
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private (string Text, long At) _said;

    /// <summary>The address for kubectl.</summary>
    public Uri Server => new($"https://{(IPAddress.Any.Equals(port.EndPoint.Address) ? new IPEndPoint(IPAddress.Loopback, port.EndPoint.Port) : port.EndPoint)}");

    /// <summary>Waits until the API server has answered through the relay.</summary>
    /// <param name="isOpen">Whether the entry says nothing yet of how the API server is known: then it is by what the cluster's agent has reported.</param>
    /// <returns>What kubectl is to be told, when it can begin.</returns>
    /// <exception cref="Complaint">It didn't; it says why.</exception>
    public async Task<KubeconfigEntry> WaitUntilReadyAsync(KubeconfigEntry entry, bool isOpen, TimeSpan patience, CancellationToken cancel)
    {
        var clock = session.Surroundings.Clock;
        for (var (start, waits) = (clock.GetTimestamp(), false); ; waits = true)
        {
            try
            {
                await using var stream = await line.ConnectAsync(cancel);
                // Not asked before: an agent that was waited for may have brought them.
                if (isOpen && await ReportedAuthorityAsync(cancel) is { } authority)
                    entry = entry.Trusting(authority);
                if (await ApiServerTls.DistrustAsync(stream, entry.Cluster, cancel) is { } distrust)
                    session.Error.Line($"warning: the API server of {Label.Of(line.Target)} answers, but kubectl won't talk to it: {distrust}", Ink.Changed);
                return entry;
            }
            catch (IOException e) when (MayPass(e) && clock.GetElapsedTime(start) < patience)
            {
                if (!waits)
                    session.Error.Line($"waiting: {line.Explain(e).Message}", Ink.Faint);
                await Task.Delay(Pause, clock, cancel);
            }
            catch (IOException e)
            {
                throw line.Explain(e);
            }
        }
    }

    /// <summary>Serves kubectl.</summary>
    public Task RunAsync(CancellationToken cancel) => port.RunAsync(line.ConnectAsync, Say, cancel);

    /// <summary>The CA certificates that the cluster's agent has reported, PEM; null where none has.</summary>
    private async Task<string?> ReportedAuthorityAsync(CancellationToken cancel)
    {
        var connection = (await session.Client.GetAsync($"{line.Target}/providers/Weft.Relay/connections/default?api-version={KindTable.WeftVersion}", cancel)).Object;
        return connection["properties"]?["certificateAuthority"]?.ToString() is { Length: > 0 } pem ? pem : null;
    }

    /// <summary>No rule and no token changes by waiting; an agent that is starting or coming back does.</summary>
    private static bool MayPass(IOException e) => e is not RelayRefusedException { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden };

    private void Say(Exception e)
    {
        var text = e is IOException io ? line.Explain(io) is var said && said.Next is { } next ? $"{said.Message}; {next}" : said.Message : e.Message;
        var clock = session.Surroundings.Clock;
        lock (_gate)
        {
            // Tracking ids differ; what is wrong doesn't.
            var kind = text.Split("TrackingId:", 2)[0];
            if (_said.Text == kind && clock.GetElapsedTime(_said.At) < Quiet)
                return;
            _said = (kind, clock.GetTimestamp());
        }

        session.Error.Line($"connection refused: {text}", Ink.Bad);
    }
}
