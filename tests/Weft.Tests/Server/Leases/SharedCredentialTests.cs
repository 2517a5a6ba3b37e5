using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Weft.Contracts;
using Weft.Logging;
using Weft.Resources;
using Weft.Server;
using Weft.Server.Leases;
using Weft.Storage;

namespace Weft.Tests.Server.Leases;

/// <summary>Two processes that use one agent's credential.</summary>
public sealed class SharedCredentialTests : IAsyncDisposable
{
    private static readonly ResourceId Agent = TestSite.Id("~c/kubernetesClusters/k1/providers/Weft.Fleet/agents/w1");

    private readonly StringWriter _log = new();
    private readonly MemoryStore _store = new();
    private readonly ControlPlane _controlPlane;
    private readonly ILoggerFactory _logging;
    private readonly LeaseSessions _sessions;

    public SharedCredentialTests()
    {
        var clock = new FakeTimeProvider();
        _controlPlane = new ControlPlane(_store, Limits.Default, clock);
        _logging = LoggerFactory.Create(logging =>
            logging.AddProvider(
                new LogfmtLoggerProvider(_log, clock, new LogfmtOptions(LogLevel.Information, _ => false))
            )
        );
        _sessions = new LeaseSessions(_controlPlane, _logging.CreateLogger<LeaseSessions>());
    }

    [Fact]
    public void Says_ThatTwoProcessesUseIt()
    {
        var (one, other) = (_sessions.Open(Agent), _sessions.Open(Agent));
        for (var turn = 0; turn < 10; turn++)
        {
            Assert.Equal(RefusalCode.LeaseSessionEnded, Use(one));
            one = _sessions.Open(Agent);
            Assert.Null(Use(one));
            (one, other) = (other, one);
        }

        var said = Assert.Single(_log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("credential-in-two-places", said, StringComparison.Ordinal);
        Assert.Contains("agents/w1", said, StringComparison.Ordinal);
        Assert.Contains("--replace", said, StringComparison.Ordinal);
    }

    /// <summary>What an agent that ended had on its way may still come.</summary>
    [Fact]
    public void Says_Nothing_OfAnAgentThatIsStartedAnew()
    {
        for (var life = 0; life < 10; life++)
        {
            var before = _sessions.Open(Agent);
            Assert.Null(Use(before));
            var session = _sessions.Open(Agent);
            if (life == 5)
                Assert.Equal(RefusalCode.LeaseSessionEnded, Use(before));
            Assert.Null(Use(session));
        }

        Assert.Equal("", _log.ToString());
    }

    public async ValueTask DisposeAsync()
    {
        _logging.Dispose();
        _controlPlane.Dispose();
        await _store.DisposeAsync();
    }

    private RefusalCode? Use(LeaseSession session) =>
        _sessions.Admit(Agent, "holder", new RequestOrder(session.Session, 1, 1))?.Code;
}
