using System.Diagnostics.CodeAnalysis;
using System.Text;
using Weft.Cni;

namespace Weft.Tests.Cni;

/// <summary>An edge in memory. An input or answer that is null can't be had.</summary>
internal sealed class FakeEdge(Dictionary<string, string> environment, string? input, string? answer = "{}") : IEdge
{
    public string Output { get; private set; } = "";

    public string Logged { get; private set; } = "";

    public string? Request { get; private set; }

    public string? Socket { get; private set; }

    public TimeSpan? InputPatience { get; private set; }

    public bool TakesOutput { get; init; } = true;

    public static FakeEdge Ran(string command, string? input, string? answer = "{}", string arguments = "")
    {
        var edge = new FakeEdge(Configurations.Environment(command, arguments), input, answer);
        Weft.Cni.Program.Run(edge);
        return edge;
    }

    public string? Variable(string name) => environment.GetValueOrDefault(name);

    public bool TryReadInput(TimeSpan? patience, out ReadOnlyMemory<byte> text, [NotNullWhen(false)] out string? why)
    {
        InputPatience = patience;
        text = Encoding.UTF8.GetBytes(input ?? "");
        why = input is null ? "Is a directory" : null;
        return input is not null;
    }

    public bool TryAsk(string socket, ReadOnlyMemory<byte> request, out ReadOnlyMemory<byte> line, [NotNullWhen(false)] out string? why)
    {
        Socket = socket;
        Request = Encoding.UTF8.GetString(request.Span);
        line = Encoding.UTF8.GetBytes(answer ?? "");
        why = answer is null ? "Connection refused" : null;
        return answer is not null;
    }

    public bool Print(ReadOnlySpan<byte> text)
    {
        Output += Encoding.UTF8.GetString(text);
        return TakesOutput;
    }

    public void Log(string line) => Logged += line + "\n";
}
