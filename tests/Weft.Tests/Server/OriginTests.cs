namespace Weft.Tests.Server;

/// <summary>Links in answers name this server, whatever a <c>Host</c> header says.</summary>
public sealed class OriginTests
{
    [Theory]
    [InlineData("evil.example", null)]
    [InlineData("evil.example:443", null)]
    [InlineData("192.0.2.7:7433", null)]
    [InlineData("127.0.0.1.evil.example", null)]
    [InlineData("localhost:9999", "http://localhost:9999")]
    [InlineData("[::1]:9999", "http://[::1]:9999")]
    [InlineData("127.0.0.1:9999", "http://127.0.0.1:9999")]
    public async Task Takes_AHost_OnlyWhereItIsItsOwn(string host, string? origin)
    {
        await using var server = await InProcessServer.WithSite();
        origin ??= server.Client.BaseAddress!.ToString().TrimEnd('/');
        var listed = (await server.Get($"{Documents.Cloud}/l3Networks?$top=1", ("Host", host))).Expect(200);
        Assert.StartsWith($"{origin}/subscriptions/", listed.Json["nextLink"]!.ToString(), StringComparison.Ordinal);
        var node = Documents.Node("east", "w1");
        var written = await server.Put(node, ("Host", host));
        Assert.StartsWith($"{origin}/", written.Header("Azure-AsyncOperation"), StringComparison.Ordinal);
        Assert.StartsWith($"{origin}/", written.Header("Location"), StringComparison.Ordinal);
    }
}
