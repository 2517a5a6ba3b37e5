using Microsoft.Data.Sqlite;
using Weft.Files;

namespace Weft.Server.Storage;

/// <summary>
/// Copies of a store that are whole: each is of one revision, one file, checked after it was written, and has its name
/// only then.
/// </summary>
internal static class StoreBackup
{
    /// <summary>Copies a store, also while a weftd works on it: it goes on committing meanwhile.</summary>
    /// <param name="target">The copy; mode 0600.</param>
    /// <returns>What the copy holds.</returns>
    /// <exception cref="DamagedStoreException">The store is damaged, so there is nothing to copy.</exception>
    /// <exception cref="IOException">The copy is there already, or can't be written.</exception>
    public static StoreReport Write(string store, string target, bool overwrite)
    {
        if (!File.Exists(store))
            throw new IOException($"there is no store '{store}'");
        if (File.Exists(target) && !overwrite)
            throw new IOException($"'{target}' is there already; name another file, or give --force to replace it");
        var part = $"{target}.part";
        try
        {
            DurableFile.Create(part).Dispose();
            using (var source = StoreConnection.OpenForReading(store))
                Copy(source, part);
            Close(part);
            if (StoreReport.Check(part) is { IsWhole: false } damaged)
                throw DamagedStoreException.Create(store, string.Join("; ", damaged.Faults.Append(damaged.Loss)));
            File.Move(part, target, overwrite);
            DurableFile.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(target))!);
            return StoreReport.Check(target);
        }
        catch (SqliteException e)
        {
            throw StoreFault.Of(store, e);
        }
        finally
        {
            File.Delete(part);
        }
    }

    private static void Copy(SqliteConnection source, string target)
    {
        using var command = source.CreateCommand();
        // Into a file that is there and empty: so it has its mode before it has content.
        command.CommandText = "VACUUM INTO $target";
        command.CommandTimeout = 0;
        command.Parameters.AddWithValue("$target", target);
        command.ExecuteNonQuery();
    }

    /// <summary>Marks a copy as whole without a log, as a store is that was closed; and has it synced by that commit.</summary>
    private static void Close(string path)
    {
        using var connection = StoreConnection.OpenAlone(path);
        if (StoreSchema.FormatOf(connection, path) > 1 && StoreHead.Read(connection) is { } head)
            (head with { IsOpen = false }).Update(connection, null);
    }
}
