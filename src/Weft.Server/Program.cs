using System.Net.Security;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Data.Sqlite;
using Weft.Logging;
using Weft.Relay.Server.Authorization;
using Weft.Relay.Transport;
using Weft.Resources;
using Weft.Server.Actions;
using Weft.Server.Agents;
using Weft.Server.Api;
using Weft.Server.Audit;
using Weft.Server.Blocks;
using Weft.Server.Computed;
using Weft.Server.Http;
using Weft.Server.Identity;
using Weft.Server.Inquiries;
using Weft.Server.Leases;
using Weft.Server.Reclaim;
using Weft.Server.Relays;
using Weft.Server.Storage;
using Weft.Server.Verifications;
using Weft.Storage;

namespace Weft.Server;

/// <summary>weftd, from top to bottom.</summary>
internal static class Program
{
    /// <summary>
    /// Requests without a good credential, of one source. More of them are free than at the relay: agents of a whole
    /// cluster may come from one address. The delays are the relay's.
    /// </summary>
    private static readonly RefusalThrottleOptions RefusedStrangers = new(
        Free: 20,
        FirstDelay: TimeSpan.FromSeconds(0.25),
        LongestDelay: TimeSpan.FromSeconds(5),
        MaxDelayed: 1024
    )
    {
        FreePerSource = 60,
        MaxDelayedPerSource = 256,
    };

    /// <summary>How long a body may come slower than it must: Kestrel's own.</summary>
    private static readonly TimeSpan BodyRateGrace = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The bytes that are read of a connection before somebody asks for them: as many as headers may have, and no less than
    /// that is allowed. By itself it is 1 MiB.
    /// </summary>
    private const int ReadAhead = 32 * 1024;

    /// <summary>EX_IOERR of sysexits.h: the disk failed. A new start is the cure, once the disk is well.</summary>
    private const int DiskFailure = 74;

    private static async Task<int> Main(string[] args)
    {
        if (args is ["--version"])
        {
            Console.WriteLine(Lifecycle.Version);
            return 0;
        }

        if (
            args is [] or ["--help"] or ["-h"] or ["serve", "--help"]
            || !(args[0] == "serve" || StoreCommand.Knows(args[0]))
        )
        {
            Console.WriteLine(ServeCommand.Usage);
            return args is [] or ["--help"] or ["-h"] or ["serve", "--help"] ? 0 : 64;
        }

        return await ReportFaults(() =>
            StoreCommand.Knows(args[0])
                ? Task.FromResult(StoreCommand.Run(args, TimeProvider.System))
                : ServeAs(args[1..])
        );
    }

    /// <summary>Runs it, and tells what ends it in one line.</summary>
    /// <returns>The exit code.</returns>
    private static async Task<int> ReportFaults(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (DamagedStoreException e)
        {
            Console.Error.WriteLine($"weftd: {e.Message}");
            return DamagedStoreException.ExitCode;
        }
        catch (Exception e)
            when (e
                    is IOException
                        or UnauthorizedAccessException
                        or System.Net.Sockets.SocketException
                        or System.Security.Cryptography.CryptographicException
            )
        {
            Console.Error.WriteLine($"weftd: {e.Message}");
            return e.InnerException is SqliteException ? DiskFailure : 1;
        }
    }

    private static async Task<int> ServeAs(string[] words)
    {
        if (!ServeOptions.Read(words).TryGet(out var options, out var mistakes))
        {
            foreach (var mistake in mistakes.Findings)
                Console.Error.WriteLine($"weftd: {mistake.Message}");
            Console.Error.WriteLine("weftd: see weftd --help");
            return 64;
        }

        return await Serve(options);
    }

    private static async Task<int> Serve(ServeOptions options)
    {
        using var data = DataDirectory.Lock(options.Data);
        if (options.Relay is not null)
            SocketCompletions.UseInlineCompletions();
        options = options with { Numbers = ServerLimits.ReadFile(options.Limits) };

        await using var store = SqliteStore.Open(data.Store, options.Numbers.StoreSettings);
        var credentials = CredentialStore.Open(Path.Combine(options.Data, "admin.token"));
        await using var app = Build(options, store, credentials, options.Numbers.Fleet, TimeProvider.System);
        await Start(app, options);
        await app.Services.GetRequiredService<Lifecycle>().Recorded;
        var url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Console.WriteLine($"weft: listening on {url}");
        if (app.Services.GetRequiredService<RelayRuntime>().Address is { } relay)
            Console.WriteLine($"weft: relay at {relay.Scheme}://{relay.Authority}");
        var shutdown = app.WaitForShutdownAsync();
        if (await Task.WhenAny(shutdown, store.Failure) == shutdown)
            return 0;
        // Ended rather than kept: whoever started it starts it again, and it reads what the disk has.
        await app.StopAsync();
        throw await store.Failure;
    }

    /// <summary>Starts it; an address that can't be listened on is said by its option, in one line.</summary>
    private static async Task Start(WebApplication app, ServeOptions options)
    {
        try
        {
            await app.StartAsync();
        }
        catch (Exception e)
        {
            // What has begun already is told that it is over, so that nothing calls its end a fault.
            app.Lifetime.StopApplication();
            throw ListenFailure.IsOne(e) ? ListenFailure.At("--listen", options.Listen, e) : e;
        }
    }

    /// <summary>The application, not started yet.</summary>
    internal static WebApplication Build(
        ServeOptions options,
        IResourceStore store,
        CredentialStore credentials,
        Limits limits,
        TimeProvider time
    )
    {
        var builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }
        );
        // stdout is the one line that says where; everything else goes to stderr.
        // The framework tells every request at information; its warnings are what an operator can act on.
        var framework = options.LogLevel > LogLevel.Warning ? options.LogLevel : LogLevel.Warning;
        builder
            .Logging.ClearProviders()
            .AddProvider(new LogfmtLoggerProvider(Console.Error, time, new LogfmtOptions(options.LogLevel, _ => false)))
            .SetMinimumLevel(options.LogLevel)
            .AddFilter("Microsoft", framework)
            // What keeps weftd from starting is said in one line by whoever ends it; this would add the stack.
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        var drain = options.Relay is null ? TimeSpan.Zero : options.Numbers.Relay.Drain;
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.MaxReadBufferSize = ReadAhead);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1) + drain);
        builder
            .WebHost.UseKestrelHttpsConfiguration()
            .ConfigureKestrel(kestrel =>
            {
                kestrel.AddServerHeader = false;
                BoundBodies(kestrel.Limits, options.Numbers.Management);
                kestrel.Listen(
                    options.Listen,
                    listen =>
                    {
                        options.Numbers.BoundManagement(listen, time);
                        UseTls(listen, options.TlsCertificate, options.TlsKey, time);
                    }
                );
            });
        builder
            .Services.AddSingleton(options)
            .AddSingleton(store)
            .AddSingleton(credentials)
            .AddSingleton(limits)
            .AddSingleton(time)
            .AddSingleton(new PublicOrigin(options.PublicAddress));
        AddLimits(builder.Services, options.Numbers, time);
        AddAudit(builder.Services, options, time);
        AddStorage(builder.Services, options, store);
        AddRelay(builder.Services, options.Data, time);
        AddComputedTypes(builder.Services);
        AddActions(builder.Services);
        AddApi(builder.Services);
        var app = builder.Build();
        app.Run(app.Services.GetRequiredService<ApiPipeline>().Serve);
        return app;
    }

    /// <summary>What Kestrel itself holds of bodies that nobody reads, and how fast they must come.</summary>
    private static void BoundBodies(KestrelServerLimits limits, ManagementLimits numbers)
    {
        // Bodies up to this are read to their end and then refused: who is still sending hears no answer.
        limits.MaxRequestBodySize = 16 * RequestBody.MaxBytes;
        limits.MaxRequestBufferSize = ReadAhead;
        limits.Http2.InitialStreamWindowSize = 96 * 1024;
        limits.Http2.InitialConnectionWindowSize = 128 * 1024;
        limits.MinRequestBodyDataRate = new MinDataRate(numbers.BodyRate, BodyRateGrace);
    }

    private static void AddStorage(IServiceCollection services, ServeOptions options, IResourceStore store)
    {
        if (store is not SqliteStore file)
            return;
        services.AddSingleton(file).AddHostedService<StoreSweep>();
        if (options.Backups is { } backups)
            services.AddHostedService(provider => new BackupSchedule(
                file.Path,
                backups,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<BackupSchedule>>()
            ));
    }

    private static void AddLimits(IServiceCollection services, ServerLimits numbers, TimeProvider time) =>
        services
            .AddSingleton(numbers.Leases)
            .AddSingleton(new RequestLimits(numbers.Management, time))
            .AddSingleton(new PlanGate(numbers.Management.Plans, time));

    /// <summary>
    /// First, so that it stops last: what others do while they stop is still put on record, and the stop behind it.
    /// </summary>
    private static void AddAudit(IServiceCollection services, ServeOptions options, TimeProvider time) =>
        services
            .AddSingleton(provider => new AuditLog(
                new AuditFile(AuditFileOf(options), options.Audit),
                options.Audit.Syslog is { } syslog
                    ? new SyslogWriter(syslog, time, provider.GetRequiredService<ILogger<SyslogWriter>>())
                    : null,
                time,
                provider.GetRequiredService<ILogger<AuditLog>>()
            ))
            .AddSingleton(new AuditReader(AuditFileOf(options), options.Audit.Keep))
            .AddSingleton(new RefusalThrottle(RefusedStrangers, time))
            .AddSingleton<RefusalSummary>()
            .AddSingleton<AuditTrail>()
            .AddSingleton<AuditEndpoints>()
            .AddHostedService(provider => provider.GetRequiredService<AuditLog>())
            .AddSingleton<Lifecycle>()
            .AddHostedService(provider => provider.GetRequiredService<Lifecycle>())
            .AddHostedService(provider => provider.GetRequiredService<RefusalSummary>());

    private static string AuditFileOf(ServeOptions options) => Path.Combine(options.Data, "audit.log");

    private static void AddRelay(IServiceCollection services, string data, TimeProvider time) =>
        services
            .AddSingleton(RelaySecret.ReadOrCreate(Path.Combine(data, "relay.key")))
            .AddSingleton<RelayRuntime>()
            .AddSingleton<RelayTokenIssuer>()
            .AddSingleton(provider => new RelayAuditLog(
                Path.Combine(data, "relay-audit.log"),
                time,
                provider.GetRequiredService<ILogger<RelayAuditLog>>()
            ))
            .AddSingleton<RelayDirectory>()
            .AddHostedService(provider => provider.GetRequiredService<RelayAuditLog>())
            .AddHostedService<RelayHost>();

    private static void AddComputedTypes(IServiceCollection services) =>
        services
            .AddSingleton<VerificationRuns>()
            .AddSingleton<VerificationResources>()
            .AddSingleton<RelayConnections>()
            .AddSingleton<DesiredStates>()
            .AddSingleton<AddressPools>()
            .AddSingleton<AddressBlocks>()
            .AddSingleton<ComputedTypes>();

    private static void AddActions(IServiceCollection services) =>
        services
            .AddSingleton<ListCredentials>()
            .AddSingleton<ImportAddresses>()
            .AddSingleton<AuthorizationRuleKeys>()
            .AddSingleton<ListEnrollmentToken>()
            .AddSingleton<Verify>()
            .AddSingleton<ActionRegistry>();

    private static void AddApi(IServiceCollection services) =>
        services
            .AddSingleton<ControlPlane>()
            .AddSingleton<LeaseSessions>()
            .AddSingleton<LeaseRates>()
            .AddSingleton<LeaseAllocator>()
            .AddSingleton<LeaseRegistrar>()
            .AddSingleton<BlockReports>()
            .AddSingleton<BlockRecalls>()
            .AddSingleton<BlockReturns>()
            .AddSingleton<BlockEndpoints>()
            .AddSingleton<EvidenceCollector>()
            .AddSingleton<LeaseReclaimer>()
            .AddHostedService(provider => provider.GetRequiredService<LeaseReclaimer>())
            .AddSingleton<LeaseAuditEndpoints>()
            .AddSingleton<LeasedNetworks>()
            .AddSingleton<LeaseBatchEndpoints>()
            .AddSingleton<EnrolmentEndpoints>()
            .AddSingleton<CredentialEndpoints>()
            .AddSingleton<CredentialUses>()
            .AddSingleton<JoinEndpoints>()
            .AddSingleton<VerificationEndpoints>()
            .AddSingleton<AgentInquiries>()
            .AddSingleton<InquiryEndpoints>()
            .AddSingleton<AgentRelayEndpoints>()
            .AddSingleton<AgentEndpoints>()
            .AddSingleton<IdentityEndpoints>()
            .AddSingleton<ListEndpoints>()
            .AddSingleton<ResourceEndpoints>()
            .AddSingleton<OperationEndpoints>()
            .AddSingleton<RelayQueries>()
            .AddSingleton<QueryEndpoints>()
            .AddSingleton<ApiPipeline>()
            .AddHostedService<OperationReconciler>();

    /// <summary>Serves TLS with a certificate that may be renewed while it is served.</summary>
    internal static void UseTls(ListenOptions listen, string? certificate, string? key, TimeProvider time)
    {
        if (certificate is null)
            return;
        var files = new ServerCertificate(
            certificate,
            key,
            TimeSpan.FromSeconds(1),
            time,
            listen.ApplicationServices.GetRequiredService<ILogger<ServerCertificate>>()
        );
        listen
            .ApplicationServices.GetRequiredService<IHostApplicationLifetime>()
            .ApplicationStopped.Register(files.Dispose);
        if (listen.ApplicationServices.GetService<PublicOrigin>() is { } origin)
            origin.Certificate = () => files.Context.TargetCertificate;
        listen.UseHttps(
            new TlsHandshakeCallbackOptions
            {
                // A handshake that takes longer is nobody who wants to be served: Kestrel's own bound.
                HandshakeTimeout = TimeSpan.FromSeconds(10),
                OnConnection = _ =>
                    ValueTask.FromResult(
                        new SslServerAuthenticationOptions { ServerCertificateContext = files.Context }
                    ),
            }
        );
    }
}
