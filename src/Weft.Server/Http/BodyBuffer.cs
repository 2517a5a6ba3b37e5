using System.Buffers;

namespace Weft.Server.Http;

/// <summary>
/// A body as it comes, in pieces of 4 KiB: it costs what has come of it, whatever length it claims. Its bytes count as its
/// caller's until the request is answered, for what is made of them lives as long.
/// </summary>
internal sealed class BodyBuffer(SharedQuota quota, string caller) : IDisposable
{
    private const int PieceLength = 4096;

    private readonly List<byte[]> _pieces = [];
    private long _counted;
    private int _inLast = PieceLength;

    /// <summary>How many bytes have come.</summary>
    public long Length { get; private set; }

    /// <summary>Makes room for what comes next.</summary>
    /// <returns>Nothing where there is room; else what there is no room of.</returns>
    public QuotaBound TryGetRoom(out Memory<byte> room)
    {
        room = default;
        if (_inLast == PieceLength)
        {
            if (quota.Take(caller, PieceLength) is var bound && bound != QuotaBound.None)
                return bound;
            _counted += PieceLength;
            _pieces.Add(ArrayPool<byte>.Shared.Rent(PieceLength));
            _inLast = 0;
        }

        room = _pieces[^1].AsMemory(_inLast, PieceLength - _inLast);
        return QuotaBound.None;
    }

    /// <summary>So many bytes have come into the room.</summary>
    public void Advance(int count)
    {
        Length += count;
        _inLast += count;
    }

    /// <summary>All that has come, in one piece. The buffer is empty then.</summary>
    public ReadOnlyMemory<byte> ToMemory()
    {
        var whole = new byte[Length];
        for (var i = 0; i < _pieces.Count; i++)
            _pieces[i].AsSpan(0, i == _pieces.Count - 1 ? _inLast : PieceLength).CopyTo(whole.AsSpan(i * PieceLength));
        ReturnPieces();
        return whole;
    }

    /// <summary>Forgets what has come; more than once is no fault.</summary>
    public void Dispose()
    {
        ReturnPieces();
        if (_counted > 0)
            quota.Return(caller, _counted);
        _counted = 0;
    }

    private void ReturnPieces()
    {
        _pieces.ForEach(piece => ArrayPool<byte>.Shared.Return(piece));
        _pieces.Clear();
        _inLast = PieceLength;
    }
}
