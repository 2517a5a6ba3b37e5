using Weft.Resources;

namespace Weft.Storage;

/// <summary>The newest durable image of a store, and who waits for the next one.</summary>
public sealed class Publication
{
    private volatile Image _current;
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A store that begins with an image.</summary>
    public Publication(Image first) => _current = first;

    /// <summary>The newest image.</summary>
    public Image Current => _current;

    /// <summary>Makes an image the newest, and wakes who waits.</summary>
    public void Publish(Image image)
    {
        _current = image;
        Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }

    /// <summary>Waits for an image that is newer than a revision.</summary>
    public async ValueTask<Image> Next(long after, CancellationToken cancel)
    {
        while (true)
        {
            // The bell first, then the image: whoever publishes between the two rings a bell that is held already.
            var bell = Volatile.Read(ref _next).Task;
            if (_current.Revision > after)
                return _current;
            await bell.WaitAsync(cancel).ConfigureAwait(false);
        }
    }
}
