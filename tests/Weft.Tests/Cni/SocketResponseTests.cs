using System.Text;
using Weft.Cni;
using Weft.Contracts;

namespace Weft.Tests.Cni;

public sealed class SocketResponseTests
{
    [Fact]
    public void Reads_Lease()
    {
        var response = Parse(
            """{"lease":{"addresses":[{"address":"10.0.0.7/24","gateway":"10.0.0.1"}],"routes":[{"dst":"10.9.0.0/16","gw":"10.0.0.2"}]}}"""
        );

        Assert.Equal([new LeasedAddress("10.0.0.7/24", "10.0.0.1")], response.Lease!.Addresses);
        Assert.Equal([new LeaseRoute("10.9.0.0/16", "10.0.0.2")], response.Lease.Routes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("OK")]
    [InlineData("[]")]
    [InlineData("{\"lease\":[]}")]
    [InlineData("{\"lease\":{}}")]
    [InlineData("{\"lease\":{\"addresses\":[]}}")]
    [InlineData("{\"lease\":{\"addresses\":[\"10.0.0.7/24\"]}}")]
    [InlineData("{\"lease\":{\"addresses\":[{\"address\":\"10.0.0.7\"}]}}")]
    [InlineData("{\"lease\":{\"addresses\":[{\"address\":\"10.0.0.7/33\"}]}}")]
    [InlineData("{\"lease\":{\"addresses\":[{\"address\":\"10.0.0.7/24\",\"gateway\":\"none\"}]}}")]
    [InlineData("{\"lease\":{\"addresses\":[{\"address\":\"10.0.0.7/24\"}],\"routes\":[{\"dst\":\"default\"}]}}")]
    [InlineData("{\"error\":{\"code\":7}}")]
    [InlineData("{\"error\":\"no\"}")]
    public void Refuses_Response_ThatIsNone(string line)
    {
        Assert.False(SocketResponse.TryRead(Encoding.UTF8.GetBytes(line), out _, out var why));

        Assert.NotEqual("", why);
    }

    [Theory]
    [InlineData("ADD", "AddressHeld", 100)]
    [InlineData("ADD", "AddressPoolExhausted", 101)]
    [InlineData("ADD", "AddressNotUsable", 102)]
    [InlineData("ADD", "ServiceUnavailable", 11)]
    [InlineData("ADD", "Contended", 11)]
    [InlineData("ADD", "LeaseSessionEnded", 11)]
    [InlineData("ADD", "ResourceNotFound", 110)]
    [InlineData("ADD", "Mismatch", 110)]
    [InlineData("ADD", "NewerThanWe", 110)]
    [InlineData("CHECK", "ResourceNotFound", 103)]
    [InlineData("CHECK", "Mismatch", 103)]
    [InlineData("CHECK", "ServiceUnavailable", 11)]
    [InlineData("DEL", "AuthorizationFailed", 110)]
    [InlineData("DEL", "ServiceUnavailable", 11)]
    [InlineData("STATUS", "ServiceUnavailable", 50)]
    [InlineData("STATUS", "InternalError", 50)]
    public void Maps_RefusalOfCommand_ToCode(string command, string code, int expected)
    {
        var error = Parse($$$"""{"error":{"code":"{{{code}}}","message":"because","target":"t"}}""")
            .ToError(Invocation.Read(command, _ => null).Command);

        Assert.Equal(new CniError((ErrorCode)expected, "because", code), error);
    }

    [Fact]
    public void Treats_MissingLease_AsReleased() =>
        Assert.Null(
            Parse("""{"error":{"code":"ResourceNotFound","message":"no such network"}}""").ToError(Command.Delete)
        );

    [Fact]
    public void Reports_AMessage_ForRefusalWithoutOne() =>
        Assert.Equal("the agent refuses without a reason", Parse("""{"error":{}}""").ToError(Command.Add)?.Message);

    private static SocketResponse Parse(string line)
    {
        Assert.True(SocketResponse.TryRead(Encoding.UTF8.GetBytes(line), out var response, out _));
        return response;
    }
}
