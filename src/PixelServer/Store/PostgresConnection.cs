using System.Data.Common;
using Npgsql;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>What we add to the operator's connection string, where the operator says nothing.</summary>
internal static class PostgresConnection
{
    public const string Key = "ConnectionStrings:Postgres";

    private const int ChunkBytes = 128 * 1024; // some 250 rows: few system calls, and it stays in the processor's cache

    /// <exception cref="SettingException">Not a connection string; the message shows none of it, for it may hold a password.</exception>
    public static string Complete(string connectionString)
    {
        try
        {
            var given = new DbConnectionStringBuilder { ConnectionString = connectionString }
                .Keys.Cast<string>().Select(key => key.Replace(" ", "", StringComparison.Ordinal)).ToHashSet(StringComparer.OrdinalIgnoreCase);
            var complete = new NpgsqlConnectionStringBuilder(connectionString);
            if (string.IsNullOrEmpty(complete.Host)) throw new ArgumentException("no host");
            if (!given.Contains("KeepAlive")) complete.KeepAlive = 15; // seconds until a peer that went silent is noticed
            if (!given.Contains("WriteBufferSize")) complete.WriteBufferSize = ChunkBytes;
            if (!given.Contains("ApplicationName")) complete.ApplicationName = "pixelserver";
            return complete.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidOperationException)
        {
            throw new SettingException(Key, "(hidden)",
                "a connection string of Npgsql, such as Host=localhost;Database=pixel;Username=pixel;Password=…");
        }
    }

    /// <exception cref="ArgumentException">Not a connection string.</exception>
    public static PostgresLimits Limits(string connectionString)
    {
        var given = new NpgsqlConnectionStringBuilder(connectionString);
        var command = TimeSpan.FromSeconds(given.CommandTimeout == 0 ? 30 : Math.Min(given.CommandTimeout, 3600)); // 0 waits for ever: never here
        return new(command, 2 * command, given.WriteBufferSize - CopyHeaderBytes);
    }

    // Npgsql keeps room in its buffer for the head of the CopyData message.
    private const int CopyHeaderBytes = 16;
}

/// <summary>What the connection string says about time and memory.</summary>
/// <param name="Command">How long one command, or one write of a COPY, may take.</param>
/// <param name="Batch">How long a whole transaction of ours may take.</param>
/// <param name="ChunkBytes">Most bytes of a COPY that Npgsql sends under its timeout.</param>
internal readonly record struct PostgresLimits(TimeSpan Command, TimeSpan Batch, int ChunkBytes);
