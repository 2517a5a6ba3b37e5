using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Weft.Contracts;
using Weft.Resources;
using Weft.Server.Audit;
using Weft.Server.Relays;

namespace Weft.Server;

/// <summary>Says that weftd has started, with what, and that it stops: in the log and on record.</summary>
internal sealed partial class Lifecycle(
    ServeOptions options,
    Limits limits,
    AuditLog audit,
    RelayRuntime relay,
    IServer server,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<Lifecycle> logger
) : IHostedService
{
    private const string StopVerb = "Stop";

    /// <summary>The version, as <c>weftd --version</c> says it.</summary>
    public static string Version { get; } =
        typeof(Lifecycle)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];

    /// <summary>Ends when the start is on record, or can't be now.</summary>
    public Task Recorded { get; private set; } = Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Where it listens is known once it does.
        lifetime.ApplicationStarted.Register(AnnounceStart);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Log.Stopped(logger);
        audit.Enqueue(CreateRecord(StopVerb));
        return Task.CompletedTask;
    }

    private void AnnounceStart()
    {
        var detail = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["version"] = Version,
            ["data"] = AuditRecord.Bound(Path.GetFullPath(options.Data)),
            ["listen"] = AuditRecord.Bound(
                string.Join(',', server.Features.Get<IServerAddressesFeature>()?.Addresses ?? [])
            ),
        };
        if (relay.Address is { } address)
            detail["relay"] = $"{address.Scheme}://{address.Authority}";
        foreach (var (name, value) in limits.ToJson())
            detail[name] = $"{value}";
        var isUnclean = audit.LastBefore is { } last && last.Verb != StopVerb;
        Log.Started(
            logger,
            Version,
            detail["data"],
            detail["listen"],
            detail.GetValueOrDefault("relay"),
            string.Join(' ', limits.ToJson().Select(limit => $"{limit.Key}:{limit.Value}")),
            string.Create(CultureInfo.InvariantCulture, $"{options.Audit.MaxSize >> 20}MiB"),
            options.Audit.MaxAge,
            options.Audit.Keep
        );
        if (isUnclean)
        {
            Log.UncleanStop(logger, audit.LastBefore!.Time);
            detail["unclean"] = "True";
        }

        Recorded = audit.Append(CreateRecord("Start") with { Detail = detail });
    }

    private AuditRecord CreateRecord(string verb) =>
        new(AuditRecord.Format(time.GetUtcNow()), 0, verb, "weftd", AuditCallerType.System);

    private static partial class Log
    {
        [LoggerMessage(1621, LogLevel.Information, "")]
        public static partial void Started(
            ILogger logger,
            string version,
            string data,
            string listen,
            string? relay,
            string limits,
            string audit_max_size,
            TimeSpan audit_max_age,
            int audit_keep
        );

        [LoggerMessage(1622, LogLevel.Information, "")]
        public static partial void Stopped(ILogger logger);

        [LoggerMessage(1623, LogLevel.Warning, "the weftd before this one went without a stop")]
        public static partial void UncleanStop(ILogger logger, string lastRecord);
    }
}
