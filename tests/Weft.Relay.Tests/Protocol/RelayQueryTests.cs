using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class RelayQueryTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("?", "")]
    [InlineData("?sb-hc-id=1", "")]
    [InlineData("?sb-hc-id=1&", "")]
    [InlineData("?&sb-hc-action=connect", "")]
    [InlineData("?&", "?&")]
    [InlineData("??", "??")]
    [InlineData("?=", "?=")]
    [InlineData("?SB-HC-Token=1", "")]
    [InlineData("?sb-hc-undefined", "?sb-hc-undefined")]
    [InlineData("?sb-hc-whatever=", "")]
    [InlineData("?a=1&a=2&", "?a=1&a=2&")]
    [InlineData("?&&&", "?&&&")]
    [InlineData("?&custom&value&", "?&custom&value&")]
    [InlineData("?a=1&sb-hc-action=connect&b=%20+&sb-hc-id=2", "?a=1&b=%20+")]
    [InlineData("?a=1&&sb-hc-action=connect", "?a=1&")]
    [InlineData("?xsb-hc-id=1", "?xsb-hc-id=1")]
    public void Strips_RelayParametersAndNothingElse(string query, string rest)
    {
        Assert.Equal(rest, RelayQuery.StripRelayParameters(query));
        Assert.True(RelayQuery.TryParse(query, out var read, out _));
        Assert.Equal(rest, read.UserQuery);
    }

    [Theory]
    [InlineData("?a=1&")]
    [InlineData("?&&&")]
    [InlineData("?&")]
    [InlineData("?statusCode=404&statusDescription=x")]
    [InlineData("?a")]
    [InlineData("")]
    public void Returns_TheSendersQueryThroughTheRendezvous(string query)
    {
        var accept = HybridConnectionAddress.RendezvousAddress(
            "wss://relay.example:443",
            "a b/c",
            query,
            "accept",
            "G_1"
        );
        Assert.StartsWith("wss://relay.example:443/$hc/a%20b/c?", accept, StringComparison.Ordinal);
        Assert.True(
            RelayQuery.TryParse(accept.AsSpan(accept.IndexOf('?', StringComparison.Ordinal)), out var read, out _)
        );
        Assert.Equal(new RelayQuery("accept", "G_1", null, null, null, query), read);
    }

    [Theory]
    [InlineData("&sb-hc-statusCode=403&sb-hc-statusDescription=not%20today")]
    [InlineData("&sb-hc-statusCode=403&sb-hc-statusDescription=not+today")]
    [InlineData("&statusCode=403&statusDescription=not%20today")]
    public void Reads_ARejectionInBothSpellings(string rejection)
    {
        Assert.True(
            RelayQuery.TryParse("?statusCode=999&sb-hc-action=accept&sb-hc-id=1" + rejection, out var read, out _)
        );
        Assert.Equal((403, "not today", "accept"), (read.StatusCode, read.StatusDescription, read.Action));
    }

    [Theory]
    [InlineData("40")]
    [InlineData("+40")]
    [InlineData("-40")]
    [InlineData("4000")]
    [InlineData("")]
    [InlineData("no")]
    [InlineData("099")]
    public void Reads_ARejectionWithoutAStatus(string code)
    {
        Assert.True(RelayQuery.TryParse($"?sb-hc-action=accept&sb-hc-statusCode={code}", out var read, out _));
        Assert.Equal(0, read.StatusCode);
    }

    [Fact]
    public void Writes_ARejectionThatIsReadAgain()
    {
        var address = HybridConnectionAddress.RejectAddress(
            "wss://r/$hc/p?sb-hc-action=accept&sb-hc-id=1",
            404,
            "no service 'x'\r\n"
        );
        Assert.True(RelayQuery.TryParse(new Uri(address).Query, out var read, out _));
        Assert.Equal((404, "no service 'x'\r\n"), (read.StatusCode, read.StatusDescription));
    }

    [Theory]
    [InlineData("?sb-hc-token=a&sb-hc-token=b")]
    [InlineData("?sb-hc-action=listen&SB-hc-action=connect")]
    [InlineData("?sb-hc-action=accept&statusCode=403&sb-hc-statusCode=403")]
    public void Refuses_RepeatedParameters(string query) => Assert.False(RelayQuery.TryParse(query, out _, out _));

    [Fact]
    public void Defaults_ToConnect() =>
        Assert.True(
            RelayQuery.TryParse("?sb-hc-token=SharedAccessSignature+sr%3Da%252F", out var read, out _)
                && read is { Action: "connect", Token: "SharedAccessSignature sr=a%2F" }
        );

    [Theory]
    [InlineData(
        "sb://Relay.example/site-a/core",
        "wss://relay.example:443/site-a/core",
        "http://relay.example/site-a/core/"
    )]
    [InlineData("wss://relay.example:8443/$hc/core/", "wss://relay.example:8443/core", "http://relay.example/core/")]
    [InlineData("ws://[::1]:81/core", "ws://[::1]:81/core", "http://[::1]/core/")]
    public void Reads_Addresses(string text, string address, string audience)
    {
        Assert.True(HybridConnectionAddress.TryParse(text, out var read));
        Assert.Equal((address, audience), (read.ToString(), read.Audience));
    }

    [Theory]
    [InlineData("relay.example/core")]
    [InlineData("ftp://relay.example/core")]
    [InlineData("wss://relay.example/")]
    [InlineData("wss://user@relay.example/core")]
    [InlineData("wss://relay.example/core?x=1")]
    [InlineData("wss://relay.example/a%2fb")]
    public void Refuses_WhatIsNoAddress(string text) => Assert.False(HybridConnectionAddress.TryParse(text, out _));

    [Fact]
    public void Builds_TheAddressesOfBothEnds()
    {
        var address = new HybridConnectionAddress("relay.example", 8443, "site-a/core");
        Assert.Equal(
            "wss://relay.example:8443/$hc/site-a/core?sb-hc-action=listen&sb-hc-id=1",
            address.ListenAddress("1").AbsoluteUri
        );
        Assert.Equal(
            "wss://relay.example:8443/$hc/site-a/core/ssh?a=1&sb-hc-action=connect&sb-hc-id=2",
            address.ConnectAddress("ssh", "?a=1", "2").AbsoluteUri
        );
        Assert.Equal(
            "wss://relay.example:8443/$hc/site-a/core?sb-hc-action=connect",
            address.ConnectAddress().AbsoluteUri
        );
    }
}
