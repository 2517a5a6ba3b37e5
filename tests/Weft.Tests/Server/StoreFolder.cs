using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Weft.Resources;
using Weft.Server.Storage;
using Weft.Storage;

namespace Weft.Tests.Server;

/// <summary>A data directory with a store in it, for tests of what becomes of its files.</summary>
internal sealed class StoreFolder : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("weft-store-");

    public string Path => _directory.FullName;

    public string Store => System.IO.Path.Join(Path, "weft.db");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public string File(string name) => System.IO.Path.Join(Path, name);

    /// <summary>Fills a store with rows over several pages, and closes it.</summary>
    /// <returns>What it holds.</returns>
    public async Task<IReadOnlyList<(string, long, string)>> Fill(int rows = 120)
    {
        await using var store = SqliteStore.Open(Store);
        for (var i = 0; i < rows; i++)
            await Put(store, i);
        return Rows(store.Current);
    }

    public static async Task<long?> Put(SqliteStore store, int number) =>
        await store.Commit(
            ReadSet.Empty,
            [
                Mutation.Put(
                    $"t|{number % 100:d3}",
                    new JsonObject { ["n"] = number, ["text"] = new string((char)('a' + (number % 26)), number % 200) }
                ),
            ],
            Cancel
        );

    public static IReadOnlyList<(string, long, string)> Rows(StoreState state) =>
        [
            .. state
                .Range("")
                .Select(row => (row.Key, row.Revision, System.Text.Encoding.UTF8.GetString(row.Bytes.Span))),
        ];

    /// <summary>Changes the file beside weftd.</summary>
    public void Execute(params string[] statements)
    {
        using var connection = new SqliteConnection($"Data Source={Store};Pooling=False");
        connection.Open();
        foreach (var text in statements)
        {
            using var command = connection.CreateCommand();
            command.CommandText = text;
            _ = command.ExecuteNonQuery();
        }
    }

    /// <summary>Copies all files as they are at this moment: what a process leaves that is killed.</summary>
    public StoreFolder Copy()
    {
        var copy = new StoreFolder();
        foreach (var file in _directory.GetFiles())
            System.IO.File.Copy(file.FullName, copy.File(file.Name));
        return copy;
    }

    public void Dispose() => _directory.Delete(true);
}
