using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Weft.Resources;

namespace Weft.Server.Relays;

/// <summary>A number that <c>--limits</c> may change.</summary>
/// <param name="Name">Its member.</param>
/// <param name="Least">The least that it may be.</param>
/// <param name="Most">The most.</param>
/// <param name="Read">Reads it off all of them.</param>
/// <param name="Write">Puts another in its place.</param>
internal sealed record LimitRow<T>(string Name, long Least, long Most, Func<T, long> Read, Func<T, long, T> Write);

/// <summary>Numbers by rows.</summary>
internal static class LimitRows
{
    /// <summary>The numbers of a port's connections.</summary>
    public static ImmutableArray<LimitRow<T>> ForConnections<T>(
        Func<T, PortLimits> read,
        Func<T, PortLimits, T> write
    ) =>
        [
            new(
                "connections",
                16,
                1_000_000,
                l => read(l).Total,
                (l, v) => write(l, read(l) with { Total = (int)v, IsTotalGiven = true })
            ),
            new(
                "connectionsPerSource",
                1,
                1_000_000,
                l => read(l).PerSource,
                (l, v) => write(l, read(l) with { PerSource = (int)v, IsPerSourceGiven = true })
            ),
        ];

    /// <summary>The schema of an object that has them.</summary>
    public static SchemaMember SchemaOf<T>(string name, ImmutableArray<LimitRow<T>> rows) =>
        SchemaMember.Object(name, [.. rows.Select(row => SchemaMember.Integer(row.Name).Range(row.Least, row.Most))]);

    /// <summary>Takes the numbers of an object that fits its schema; those that it leaves out stay as they are.</summary>
    public static T Apply<T>(ImmutableArray<LimitRow<T>> rows, JsonNode? read, T standard) =>
        rows.Aggregate(
            standard,
            (limits, row) => read?[row.Name] is { } number ? row.Write(limits, number.GetValue<long>()) : limits
        );

    /// <summary>The numbers as the API serves them.</summary>
    public static JsonObject ToJson<T>(ImmutableArray<LimitRow<T>> rows, T limits) =>
        new(rows.Select(row => KeyValuePair.Create(row.Name, (JsonNode?)JsonValue.Create(row.Read(limits)))));
}
