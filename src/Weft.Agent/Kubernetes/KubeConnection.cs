using System.Net;
using System.Security.Cryptography;

namespace Weft.Agent.Kubernetes;

/// <summary>How the agent reaches a cluster's API server and proves who it is. All of that is the library's.</summary>
internal static class KubeConnection
{
    /// <summary>How long a connection may take to come about.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A client by what the command line says.</summary>
    /// <param name="options">In a pod, or by a kubeconfig.</param>
    /// <exception cref="StartupException">There is no such configuration, or it can't be used.</exception>
    public static k8s.Kubernetes Open(KubeOptions options)
    {
        try
        {
            var configuration = options.KubeConfig is { } path
                ? k8s.KubernetesClientConfiguration.BuildConfigFromConfigFile(path, options.Context)
                : k8s.KubernetesClientConfiguration.InClusterConfig();
            configuration.UserAgent = $"weft-agent/{AgentOptions.Version}";
            configuration.FirstMessageHandlerSetup = Tune;
            return new k8s.Kubernetes(configuration);
        }
        catch (Exception e)
            when (e
                    is k8s.Exceptions.KubernetesClientException
                        or k8s.Exceptions.KubeConfigException
                        or IOException
                        or UnauthorizedAccessException
                        or CryptographicException
                        or FormatException
                        or YamlDotNet.Core.YamlException
            )
        {
            throw new StartupException(
                options.KubeConfig is { } path
                    ? $"the kubeconfig '{path}' can't be used: {e.Message}; try it by: kubectl --kubeconfig {path} get namespaces"
                    : $"--kubernetes is for an agent in a pod: {e.Message}; elsewhere give --kubeconfig FILE",
                e
            );
        }
    }

    private static void Tune(HttpMessageHandler handler)
    {
        if (handler is not SocketsHttpHandler sockets)
            return;
        sockets.ConnectTimeout = ConnectTimeout;
        // A watch is silent for minutes: only a ping tells a quiet API server from one that has vanished.
        sockets.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always;
        sockets.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        sockets.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        sockets.AllowAutoRedirect = false;
        sockets.UseCookies = false;
        sockets.AutomaticDecompression = DecompressionMethods.GZip;
    }
}
