using System.Runtime.InteropServices;

namespace Weft.Relay.Transport;

/// <summary>
/// Has OpenSSL give a connection's buffers back while they are empty (<c>SSL_MODE_RELEASE_BUFFERS</c>, ssl.h). By
/// itself it keeps a record's room each way, 33 KB, for as long as the connection lives, which is more than all the
/// rest of a listener that waits. The runtime doesn't offer the mode; OpenSSL calls whoever asks for it when a context
/// is made (<c>CRYPTO_get_ex_new_index</c>, crypto.h), and there it is set.
/// </summary>
internal static class TlsBuffers
{
    // crypto.h: CRYPTO_EX_INDEX_SSL_CTX; ssl.h: SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS.
    private const int SslContextIndex = 1;
    private const int ModeCommand = 33;
    private const nint ReleaseBuffersMode = 0x10;

    // Kept here, as OpenSSL calls it for as long as the process lives.
    private static readonly ExDataNewCallback OnContextCreated = (context, _, _, _, _, _) =>
        s_control?.Invoke(context, ModeCommand, ReleaseBuffersMode, 0);
    private static readonly Lazy<bool> Enabled = new(TryEnable);
    private static SslContextControl? s_control;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void ExDataNewCallback(nint parent, nint value, nint data, int index, nint argument, nint pointer);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nint SslContextControl(nint context, int command, nint number, nint pointer);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int GetExNewIndex(
        int of,
        nint argument,
        nint pointer,
        ExDataNewCallback made,
        nint copied,
        nint freed
    );

    /// <summary>
    /// Enables it: for the whole process, and for contexts that are made from then on. It costs nothing to call again.
    /// </summary>
    /// <returns>Whether it holds; without OpenSSL 3 all stays as it is.</returns>
    public static bool EnableReleaseBuffers() => Enabled.Value;

    private static bool TryEnable()
    {
        // Both are the very libraries that the runtime has loaded, or will; they stay.
        if (
            !NativeLibrary.TryLoad("libssl.so.3", out var ssl)
            || !NativeLibrary.TryLoad("libcrypto.so.3", out var crypto)
            || !NativeLibrary.TryGetExport(ssl, "SSL_CTX_ctrl", out var control)
            || !NativeLibrary.TryGetExport(crypto, "CRYPTO_get_ex_new_index", out var index)
        )
            return false;
        s_control = Marshal.GetDelegateForFunctionPointer<SslContextControl>(control);
        return Marshal.GetDelegateForFunctionPointer<GetExNewIndex>(index)(
                SslContextIndex,
                0,
                0,
                OnContextCreated,
                0,
                0
            ) >= 0;
    }
}
