using System.Runtime.InteropServices;

namespace Weft.Relay.Transport;

/// <summary>
/// Has OpenSSL give a connection's buffers back while they are empty (<c>SSL_MODE_RELEASE_BUFFERS</c>, ssl.h). By itself it keeps a record's room each
/// way, 33 KB, for as long as the connection lives, which is more than all the rest of a listener that waits. The runtime doesn't offer the mode;
/// OpenSSL calls whoever asks for it when a context is made (<c>CRYPTO_get_ex_new_index</c>, crypto.h), and there it is set.
/// </summary>
internal static class TlsBuffers
{
    // crypto.h: CRYPTO_EX_INDEX_SSL_CTX; ssl.h: SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS.
    private const int OfContexts = 1;
    private const int Mode = 33;
    private const nint ReleaseBuffers = 0x10;

    // Kept here, as OpenSSL calls it for as long as the process lives.
    private static readonly ContextMade OnContext = (context, _, _, _, _, _) => s_control?.Invoke(context, Mode, ReleaseBuffers, 0);
    private static readonly Lazy<bool> Asked = new(Ask);
    private static Control? s_control;

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate void ContextMade(nint parent, nint value, nint data, int index, nint argument, nint pointer);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nint Control(nint context, int command, nint number, nint pointer);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int NewIndex(int of, nint argument, nint pointer, ContextMade made, nint copied, nint freed);

    /// <summary>Asks for it: for the whole process, and for contexts that are made from then on. It costs nothing to ask again.</summary>
    /// <returns>Whether it holds; without OpenSSL 3 all stays as it is.</returns>
    public static bool ReleaseWhileEmpty() => Asked.Value;

    private static bool Ask()
    {
        // Both are the very libraries that the runtime has loaded, or will; they stay.
        if (!NativeLibrary.TryLoad("libssl.so.3", out var ssl) || !NativeLibrary.TryLoad("libcrypto.so.3", out var crypto)
            || !NativeLibrary.TryGetExport(ssl, "SSL_CTX_ctrl", out var control) || !NativeLibrary.TryGetExport(crypto, "CRYPTO_get_ex_new_index", out var index))
            return false;
        s_control = Marshal.GetDelegateForFunctionPointer<Control>(control);
        return Marshal.GetDelegateForFunctionPointer<NewIndex>(index)(OfContexts, 0, 0, OnContext, 0, 0) >= 0;
    }
}
