namespace Weft.Cli.Output;

/// <summary>What a line means, not what it looks like; a terminal gives it a colour.</summary>
internal enum TextStyle
{
    /// <summary>Just text.</summary>
    Plain,

    /// <summary>The head of a table or a section.</summary>
    Heading,

    /// <summary>Something new.</summary>
    Added,

    /// <summary>Something changed.</summary>
    Changed,

    /// <summary>Something taken away.</summary>
    Removed,

    /// <summary>Something wrong.</summary>
    Error,

    /// <summary>Something of less weight.</summary>
    Faint,
}
