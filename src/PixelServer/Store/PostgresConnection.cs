using System.Data.Common;
using Npgsql;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>What we add to the operator's connection string, where the operator says nothing.</summary>
internal static class PostgresConnection
{
    public const string Key = "ConnectionStrings:Postgres";

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
            if (!given.Contains("ApplicationName")) complete.ApplicationName = "pixelserver";
            return complete.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidOperationException)
        {
            throw new SettingException(Key, "(hidden)",
                "a connection string of Npgsql, such as Host=localhost;Database=pixel;Username=pixel;Password=…");
        }
    }

    /// <summary>How long one batch may take, all together: twice what one command may, by the connection string (30 s unless told).</summary>
    public static TimeSpan SaveTimeout(string connectionString)
    {
        var seconds = new NpgsqlConnectionStringBuilder(connectionString).CommandTimeout;
        return TimeSpan.FromSeconds(2 * (seconds == 0 ? 30 : Math.Min(seconds, 3600)));
    }
}
