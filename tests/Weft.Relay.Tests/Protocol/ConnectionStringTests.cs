using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class ConnectionStringTests
{
    [Theory]
    [InlineData(
        "Endpoint=sb://relay.example/;SharedAccessKeyName=listen;SharedAccessKey=c2Vj==;EntityPath=site-a/core"
    )]
    [InlineData(
        "Endpoint=sb://relay.example:8443/;SharedAccessSignature=SharedAccessSignature sr=a&sig=b%3d&se=1&skn=x"
    )]
    [InlineData("Endpoint=sb://localhost/;OperationTimeout=00:01:00")]
    public void Writes_WhatItReads(string text)
    {
        Assert.True(ConnectionString.TryParse(text, out var read, out var fault), fault);
        Assert.Equal(text, read.Write());
    }

    [Fact]
    public void Reads_NamesInAnyCaseAndOrder()
    {
        Assert.True(
            ConnectionString.TryParse(
                " sharedaccesskey=k=; ENDPOINT=sb://r:81 ;EntityPath=/a/b/;SharedAccessKeyName=n;",
                out var read,
                out _
            )
        );
        Assert.Equal(
            new ConnectionString("r", 81)
            {
                KeyName = "n",
                Key = "k=",
                EntityPath = "a/b",
            },
            read
        );
        Assert.Equal(new HybridConnectionAddress("r", 81, "a/b"), read.Address);
    }

    [Theory]
    [InlineData("", "Endpoint")]
    [InlineData("Endpoint=https://r/", "sb://")]
    [InlineData("Endpoint=sb://r/;Color=red", "'Color'")]
    [InlineData("Endpoint=sb://r/;Endpoint=sb://s/", "twice")]
    [InlineData("Endpoint=sb://r/;SharedAccessKey=k", "together")]
    [InlineData("Endpoint=sb://r/;SharedAccessKeyName=n;SharedAccessKey=k;SharedAccessSignature=s", "exclude")]
    [InlineData("Endpoint=sb://r/;EntityPath=a/../b", "EntityPath")]
    [InlineData("Endpoint=sb://r/;EntityPath=", "EntityPath")]
    [InlineData("Endpoint=sb://r/;OperationTimeout=soon", "OperationTimeout")]
    [InlineData("Endpoint=sb://r/;nonsense", "NAME=VALUE")]
    public void Refuses_WhatIsNone(string text, string saying)
    {
        Assert.False(ConnectionString.TryParse(text, out _, out var fault));
        Assert.Contains(saying, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Hides_TheKey()
    {
        Assert.True(
            ConnectionString.TryParse(
                "Endpoint=sb://r/;SharedAccessKeyName=n;SharedAccessKey=secret;EntityPath=p",
                out var read,
                out _
            )
        );
        Assert.Equal("sb://r:443/p by n", read.ToString());
    }
}
