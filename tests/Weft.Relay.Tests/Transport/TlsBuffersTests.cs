using System.Runtime.InteropServices;
using Weft.Relay.Transport;

namespace Weft.Relay.Tests.Transport;

public sealed class TlsBuffersTests
{
    // ssl.h: SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS.
    private const int Mode = 33;
    private const nint ReleaseBuffers = 0x10;

    [Fact]
    public void Releases_TheBuffersOfContextsThatAreMadeFromThenOn()
    {
        Assert.SkipUnless(NativeLibrary.TryLoad("libssl.so.3", out _), "libssl.so.3 isn't here");
        Assert.True(TlsBuffers.EnableReleaseBuffers());
        Assert.True(TlsBuffers.EnableReleaseBuffers());
        var context = NewContext(AnyMethod());
        Assert.Equal(ReleaseBuffers, Control(context, Mode, 0, 0) & ReleaseBuffers);
        Free(context);
    }

    [DllImport("libssl.so.3", EntryPoint = "TLS_method")]
    private static extern nint AnyMethod();

    [DllImport("libssl.so.3", EntryPoint = "SSL_CTX_new")]
    private static extern nint NewContext(nint method);

    [DllImport("libssl.so.3", EntryPoint = "SSL_CTX_ctrl")]
    private static extern nint Control(nint context, int command, nint number, nint pointer);

    [DllImport("libssl.so.3", EntryPoint = "SSL_CTX_free")]
    private static extern void Free(nint context);
}
