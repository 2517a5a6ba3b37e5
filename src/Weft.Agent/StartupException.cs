namespace Weft.Agent;

/// <summary>Something that only a person can fix: the agent says it in one line, with the next step, and exits with 1.</summary>
/// <param name="message">What is wrong and what to do.</param>
/// <param name="cause">The fault behind it, if there is one.</param>
internal sealed class StartupException(string message, Exception? cause = null) : Exception(message, cause);
