using Microsoft.Extensions.Logging;

namespace Weft.Logging;

/// <summary>What is logged, and how.</summary>
/// <param name="Level">The least level that is written.</param>
/// <param name="IsForeseen">Whether an exception's message is all that a reader needs of it.</param>
internal sealed record LogfmtOptions(LogLevel Level, Func<Exception, bool> IsForeseen);
