using System.Net.WebSockets;

namespace Weft.Relay.Tests.Server;

public sealed class SessionTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Joins_SenderAndListener(bool isSecure, bool isPlainKestrel)
    {
        await using var relay = await LiveRelay.Start(isSecure: isSecure, isPlainKestrel: isPlainKestrel);
        await using var listener = await relay.Listen();
        var echo = listener.EchoAll();
        using (var sender = await relay.Send("/ssh?who=me"))
        {
            foreach (var size in (int[])[1, 125, 126, 65_535, 65_536, 1_000_000])
                await ExpectEcho(sender, size);
            // What has been passed on is counted when it has been written, and the peer may have read it by then.
            await RunningRelay.Until(() =>
                relay.Relay.GetStatus().Sessions.Sum(s => s.BytesUp + s.BytesDown) == 2 * 1_131_323
            );
            var open = Assert.Single(relay.Relay.GetStatus().Sessions);
            Assert.Equal(
                ("ssh", "send", 1_131_323L, 1_131_323L),
                (open.Service, open.Key, open.BytesUp, open.BytesDown)
            );
            await sender.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", Wait.Token);
            Assert.Equal("bye", sender.CloseStatusDescription);
        }

        Assert.Equal((1, 0, 0, 0, 1), await relay.WaitUntilEmpty(listeners: 1, grants: 1));
        await listener.Control.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Wait.Token);
        await echo.WaitAsync(Wait.Token);
        Assert.Equal((0, 0, 0, 0, 0), await relay.WaitUntilEmpty());
    }

    private static async Task ExpectEcho(ClientWebSocket sender, int size)
    {
        var sent = new byte[size];
        Random.Shared.NextBytes(sent);
        var sending = sender.SendAsync(sent, WebSocketMessageType.Binary, true, Wait.Token);
        Assert.Equal(sent, (await LiveListener.Read(sender)).Bytes);
        await sending;
    }
}
