namespace Weft.Relay.Frames;

/// <summary>The progress of a translation in place: the position read from stays ahead of the one written to.</summary>
/// <param name="read">Where the bytes begin that were received.</param>
internal struct FrameCursor(int read, int end)
{
    /// <summary>The next byte to read.</summary>
    public int Read = read;

    /// <summary>Where the bytes received end.</summary>
    public readonly int End = end;

    /// <summary>The bytes written, from the start of the buffer on.</summary>
    public int Written;

    /// <summary>
    /// Where the first frame ends that ends in what is written: another frame may be put in there. −1 for nowhere.
    /// </summary>
    public int Boundary = -1;

    /// <summary>Bytes of payload among those written.</summary>
    public int PayloadBytes;
}
