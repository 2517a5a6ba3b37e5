using System.Diagnostics;
using System.Text;
using Weft.Cni;

namespace Weft.Tests.Cni;

public sealed class AgentSocketTests
{
    private static readonly byte[] Line = [.. "{}\n"u8];
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

    [Theory]
    [InlineData("{}\n", "{}")]
    [InlineData("{}\n{\"late\":1}\n", "{}")]
    [InlineData("\n", "")]
    public void Reads_OneLine(string answer, string expected)
    {
        using var agent = new StubAgent(answer);

        Assert.True(new AgentSocket(agent.Path, AgentSocket.DefaultTimeout).TryExchange(Line, out var line, out _));
        Assert.Equal(expected, Encoding.UTF8.GetString(line.Span));
    }

    [Fact]
    public void Reads_LongestLine_AndNoneLonger()
    {
        using var longest = new StubAgent(new string('x', 65535) + "\n");
        using var longer = new StubAgent(new string('x', 65536) + "\n");

        Assert.True(new AgentSocket(longest.Path, AgentSocket.DefaultTimeout).TryExchange(Line, out var line, out _));
        Assert.Equal(65535, line.Length);
        Assert.False(new AgentSocket(longer.Path, AgentSocket.DefaultTimeout).TryExchange(Line, out _, out var why));
        Assert.Equal("its answer is longer than 65536 bytes", why);
    }

    [Fact]
    public void Sends_LongestRequest_Whole()
    {
        using var agent = new StubAgent("{}\n");
        var request = new string('x', 65535) + "\n";

        Assert.True(
            new AgentSocket(agent.Path, AgentSocket.DefaultTimeout).TryExchange(
                Encoding.UTF8.GetBytes(request),
                out _,
                out _
            )
        );
        Assert.Equal(request, Assert.Single(agent.Requests));
    }

    [Theory]
    [InlineData("", "it closed without an answer")]
    [InlineData("{\"lease\":{", "it closed after 10 bytes, in the middle of its answer")]
    [InlineData("{}", "it closed after 2 bytes, in the middle of its answer")]
    public void Refuses_AnswerThatIsCut(string answer, string expected)
    {
        using var agent = new StubAgent(answer);

        Assert.False(new AgentSocket(agent.Path, AgentSocket.DefaultTimeout).TryExchange(Line, out _, out var why));
        Assert.Equal(expected, why);
    }

    [Fact]
    public void Stops_WaitingForSilentAgent()
    {
        using var agent = new StubAgent(null);
        var clock = Stopwatch.StartNew();

        Assert.False(new AgentSocket(agent.Path, Short).TryExchange(Line, out _, out var why));
        Assert.Equal("no answer within 0.15 s", why);
        Assert.True(clock.Elapsed >= Short - TimeSpan.FromMilliseconds(20), "it waits as long as it says");
    }

    [Fact]
    public void Stops_ListeningToAgentThatDrips()
    {
        using var agent = new StubAgent(new string('x', 200) + "\n", drip: TimeSpan.FromMilliseconds(30));

        Assert.False(new AgentSocket(agent.Path, Short).TryExchange(Line, out _, out var why));
        Assert.Equal("no answer within 0.15 s", why);
    }

    [Fact]
    public void Puts_DripsTogether()
    {
        using var agent = new StubAgent("{\"a\":1}\n", drip: TimeSpan.FromMilliseconds(5));

        Assert.True(new AgentSocket(agent.Path, AgentSocket.DefaultTimeout).TryExchange(Line, out var line, out _));
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(line.Span));
    }

    [Fact]
    public void Stops_ConnectingToAgentThatNeverAccepts()
    {
        var directory = Directory.CreateTempSubdirectory("weft-");
        var path = Path.Combine(directory.FullName, "agent.sock");
        using var listener = Unix();
        listener.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
        listener.Listen(0);
        using var first = Unix();
        first.Connect(new System.Net.Sockets.UnixDomainSocketEndPoint(path)); // fills the backlog

        Assert.False(new AgentSocket(path, Short).TryExchange(Line, out _, out var why));
        Assert.Equal("no answer within 0.15 s", why);
        directory.Delete(recursive: true);

        static System.Net.Sockets.Socket Unix() =>
            new(
                System.Net.Sockets.AddressFamily.Unix,
                System.Net.Sockets.SocketType.Stream,
                System.Net.Sockets.ProtocolType.Unspecified
            );
    }

    [Fact]
    public void Waits_LongerThanTheAgentNeeds() =>
        Assert.InRange(AgentSocket.DefaultTimeout, TimeSpan.FromSeconds(20.001), TimeSpan.FromSeconds(25));
}
