using System.Diagnostics.CodeAnalysis;

namespace Weft.Cni;

/// <summary>The three streams, byte for byte.</summary>
internal static class StandardStreams
{
    /// <summary>The descriptor of stdout.</summary>
    internal const int Output = 1;

    /// <summary>The descriptor of stderr.</summary>
    internal const int Error = 2;

    private const int Input = 0;

    /// <summary>Reads stdin to its end.</summary>
    /// <param name="patience">How long to wait for each piece of it; null for as long as it takes.</param>
    internal static bool TryReadInput(
        TimeSpan? patience,
        out ReadOnlyMemory<byte> text,
        [NotNullWhen(false)] out string? why
    )
    {
        (text, why) = (default, null);
        var buffer = new byte[4096];
        for (var filled = 0; ; )
        {
            if (patience is { } limit && !TryWaitForInput(limit, out why))
                return false;
            if (filled == buffer.Length)
                Array.Resize(ref buffer, 2 * filled);
            var count = SystemCalls.Read(Input, buffer.AsSpan(filled));
            if (count == 0)
            {
                text = buffer.AsMemory(0, filled);
                return true;
            }

            if (count > 0)
                filled += (int)count;
            else if (SystemCalls.LastError != SystemCalls.Interrupted)
            {
                why = SystemCalls.LastErrorText;
                return false;
            }
        }
    }

    /// <summary>Writes all of a text.</summary>
    internal static bool TryWrite(int descriptor, ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            var count = SystemCalls.Write(descriptor, text);
            if (count >= 0)
                text = text[(int)count..];
            else if (SystemCalls.LastError != SystemCalls.Interrupted)
                return false;
        }

        return true;
    }

    private static bool TryWaitForInput(TimeSpan patience, [NotNullWhen(false)] out string? why)
    {
        int ready;
        do ready = SystemCalls.WaitForInput(Input, patience);
        while (ready < 0 && SystemCalls.LastError == SystemCalls.Interrupted);
        why = ready switch
        {
            > 0 => null,
            0 => "nothing came",
            _ => SystemCalls.LastErrorText,
        };
        return why is null;
    }
}
