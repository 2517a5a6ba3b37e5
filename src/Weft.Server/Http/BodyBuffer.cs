using System.Buffers;

namespace Weft.Server.Http;

/// <summary>
/// A body as it comes, in pieces of 4 KiB: it costs what has come of it, whatever length it claims. Its bytes count as its
/// caller's until the request is answered, for what is made of them lives as long.
/// </summary>
internal sealed class BodyBuffer(SharedQuota quota, string caller) : IDisposable
{
    private const int PieceLength = PiecePool.PieceLength;

    private readonly List<byte[]> _pieces = [];
    private long _counted;
    private int _inLast = PieceLength;

    /// <summary>How many bytes have come.</summary>
    public long Length { get; private set; }

    /// <summary>Takes what has come.</summary>
    /// <returns>Nothing where there was room for all of it; else what there is no room of.</returns>
    public QuotaBound Append(ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes)
        {
            if (Append(segment.Span) is var bound && bound != QuotaBound.None)
                return bound;
        }

        return QuotaBound.None;
    }

    private QuotaBound Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_inLast == PieceLength && AddPiece() is var bound && bound != QuotaBound.None)
                return bound;
            var count = Math.Min(bytes.Length, PieceLength - _inLast);
            bytes[..count].CopyTo(_pieces[^1].AsSpan(_inLast));
            bytes = bytes[count..];
            _inLast += count;
            Length += count;
        }

        return QuotaBound.None;
    }

    private QuotaBound AddPiece()
    {
        if (quota.Take(caller, PieceLength) is var bound && bound != QuotaBound.None)
            return bound;
        _counted += PieceLength;
        _pieces.Add(PiecePool.Rent());
        _inLast = 0;
        return QuotaBound.None;
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
        PiecePool.Return(_pieces);
        _pieces.Clear();
        _inLast = PieceLength;
    }
}

/// <summary>
/// The pieces that are free. The runtime's own pool keeps a few dozen of a length: the others would be garbage, which
/// grows the process by more than what is in flight before it is collected.
/// </summary>
internal static class PiecePool
{
    /// <summary>Bytes of a piece: a page.</summary>
    public const int PieceLength = 4096;

    /// <summary>16 MiB: what two callers have in flight at most.</summary>
    private const int MaxFree = 4096;

    private static readonly Lock Guard = new();
    private static readonly Stack<byte[]> Free = new();

    /// <summary>A piece, with whatever was in it.</summary>
    public static byte[] Rent()
    {
        lock (Guard)
            return Free.TryPop(out var piece) ? piece : new byte[PieceLength];
    }

    /// <summary>Takes pieces back.</summary>
    public static void Return(IEnumerable<byte[]> pieces)
    {
        lock (Guard)
        {
            foreach (var piece in pieces.Take(MaxFree - Free.Count))
                Free.Push(piece);
        }
    }
}
