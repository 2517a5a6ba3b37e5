namespace Weft.Agent.ControlPlane;

/// <summary>Asks what the control plane wants to know, by long poll, and has it answered, one question after the other.</summary>
internal sealed class QuestionLoop(ControlPlaneClient plane, AgentTimings timings, TimeProvider clock)
{
    private readonly Backoff _backoff = new(timings.InitialBackoff, timings.MaxBackoff);

    /// <summary>Runs until cancelled.</summary>
    /// <param name="answerNext">Waits for questions, and answers them.</param>
    public async Task Run(Func<CancellationToken, Task> answerNext, CancellationToken cancel)
    {
        while (true)
        {
            var wait = timings.MinPollInterval;
            try
            {
                if (plane.Identity is not null)
                    await answerNext(cancel);
                _backoff.Reset();
            }
            catch (ControlPlaneException e) when (!cancel.IsCancellationRequested)
            {
                // The main loop says what is wrong with the control plane; one of an older version asks nothing of this
                // kind, and is asked seldom.
                wait = e.Status is 404 or 400 ? timings.MaxBackoffAfterRefusal : _backoff.NextDelay(e.RetryAfter);
            }

            await Task.Delay(wait, clock, cancel);
        }
    }
}
