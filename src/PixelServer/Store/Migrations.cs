using System.Reflection;
using System.Text;
using DbUp;
using DbUp.Builder;
using DbUp.Engine;
using Npgsql;

namespace PixelServer.Store;

/// <summary>Brings a database up to date with the embedded scripts <c>Store/Migrations/NNNN_name.{dialect}.sql</c>: forward only, each in a transaction.</summary>
internal static class Migrations
{
    private const string JournalTable = "schema_versions";

    /// <summary>Collectors that start together wait for each other.</summary>
    public static async Task RunPostgresAsync(NpgsqlDataSource source, string connectionString, ILogger logger, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await PostgresLocks.BoundAsync(connection, ct);
        await PostgresLocks.TakeSchemaAsync(connection, ct);
        await PostgresLocks.StayAsync(connection, ct);

        // Its own connections, not pooled: DbUp works on one of its own while ours holds the lock.
        var own = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString;
        await RunAsync(DeployChanges.To.PostgresqlDatabase(own).JournalToPostgresqlTable(null, JournalTable), "postgres", logger, ct);
    }

    /// <summary>The journal's lock on the data directory keeps a second server away.</summary>
    public static Task RunSqliteAsync(string connectionString, ILogger logger, CancellationToken ct) =>
        RunAsync(DeployChanges.To.SqliteDatabase(connectionString).JournalToSqliteTable(JournalTable), "sqlite", logger, ct);

    // DbUp is synchronous: it gets a thread of its own, and the caller waits as long as it wants to.
    private static Task RunAsync(UpgradeEngineBuilder target, string dialect, ILogger logger, CancellationToken ct) => Task.Run(() =>
    {
        var engine = target
            .WithScripts(Scripts(dialect))
            .WithTransactionPerScript()
            .WithExecutionTimeout(TimeSpan.FromHours(12)) // an index over all partitions of a large store takes its time
            .WithVariablesDisabled()
            .LogTo(new QuietLog(logger))
            .Build();
        var outcome = engine.PerformUpgrade();
        if (!outcome.Successful)
            throw new InvalidOperationException($"Migration {outcome.ErrorScript?.Name} failed: {outcome.Error.Message}", outcome.Error);
        foreach (var script in outcome.Scripts) logger.LogInformation("Migration {Script} is done", script.Name);
    }, ct);

    private static SqlScript[] Scripts(string dialect)
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith("Store/Migrations/", StringComparison.Ordinal)
                        && name.EndsWith($".{dialect}.sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name => SqlScript.FromStream(Path.GetFileName(name), assembly.GetManifestResourceStream(name)!, Encoding.UTF8))];
    }

    /// <summary>DbUp tells every step at every start; an operator wants to hear of changes and failures.</summary>
    private sealed class QuietLog(ILogger logger) : DbUp.Engine.Output.IUpgradeLog
    {
        public void LogTrace(string format, params object[] args) => logger.LogTrace("{Message}", Text(format, args));
        public void LogDebug(string format, params object[] args) => logger.LogDebug("{Message}", Text(format, args));
        public void LogInformation(string format, params object[] args) => logger.LogDebug("{Message}", Text(format, args));
        public void LogWarning(string format, params object[] args) => logger.LogWarning("{Message}", Text(format, args));
        public void LogError(string format, params object[] args) => logger.LogError("{Message}", Text(format, args));
        public void LogError(Exception ex, string format, params object[] args) => logger.LogError(ex, "{Message}", Text(format, args));

        private static string Text(string format, object[] args) =>
            args is { Length: > 0 } ? string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args) : format;
    }
}
