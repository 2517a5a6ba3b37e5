using CsCheck;
using Weft.Relay.Protocol;

namespace Weft.Relay.Tests.Protocol;

public sealed class RequestPathTests
{
    [Theory]
    [InlineData("/$hc/hyco", "hyco", true)]
    [InlineData("/$hc/site-a/core-east/ssh", "site-a/core-east/ssh", true)]
    [InlineData("/$hc/hyco/", "hyco", true)]
    [InlineData("/%24hc/hyco", "hyco", true)]
    [InlineData("/$hc", "", true)]
    [InlineData("/hyco/x", "hyco/x", false)]
    [InlineData("/$hcx/hyco", "$hcx/hyco", false)]
    [InlineData("/h%79c%C3%B6", "hycö", false)]
    [InlineData("/", "", false)]
    public void Decodes_ThePathOnce(string raw, string path, bool isHybrid)
    {
        Assert.True(RequestPath.TryParse(raw, out var read, out _));
        Assert.Equal(new RequestPath(path, isHybrid), read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hyco")]
    [InlineData("//hyco")]
    [InlineData("/$hc//hyco")]
    [InlineData("/hyco//")]
    [InlineData("/a%2fb")]
    [InlineData("/a%2Fb")]
    [InlineData("/a%5cb")]
    [InlineData("/a\\b")]
    [InlineData("/a%00")]
    [InlineData("/a%0d%0ab")]
    [InlineData("/a%7f")]
    [InlineData("/a%252fb")]
    [InlineData("/a%25")]
    [InlineData("/a%")]
    [InlineData("/a%4")]
    [InlineData("/a%zz")]
    [InlineData("/a%ff")]
    [InlineData("/a%c0%af")]
    [InlineData("/a/../b")]
    [InlineData("/a/%2e%2e/b")]
    [InlineData("/a/.")]
    [InlineData("/.%2e")]
    [InlineData("/é%41")]
    public void Refuses_WhatCouldBeReadAsAnotherPath(string raw)
    {
        Assert.False(RequestPath.TryParse(raw, out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void Reads_WhatItWrites() =>
        Gen
            .String.Where(RequestPath.IsPath)
            .Where(p => p.All(c => !char.IsSurrogate(c)))
            .Sample(path =>
                Assert.True(
                    RequestPath.Encode(path).Length > RequestPath.MaxLength
                        || (
                            RequestPath.TryParse(RequestPath.Encode("x/" + path), out var read, out _)
                            && read.Path == "x/" + path
                        )
                )
            );
}
