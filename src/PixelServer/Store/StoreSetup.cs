using Npgsql;
using PixelServer.Ops;

namespace PixelServer.Store;

/// <summary>Chooses the store: PostgreSQL where the operator names one, else the embedded one.</summary>
internal static class StoreSetup
{
    /// <summary>
    /// Registers <see cref="IEventStore"/>, <see cref="ILabels"/>, <see cref="IMailDecisions"/>, <see cref="ISides"/>, <see cref="IConsents"/>, <see cref="IRefusals"/>, <see cref="IOptOuts"/>, <see cref="IStandings"/> with what keeps them, and <see cref="StoreOptions"/>, and
    /// <see cref="NpgsqlDataSource"/> where PostgreSQL is the store. Nothing is connected: the server starts without its database. Needs <see cref="DataDirectory"/>, <see cref="SubjectKeys"/> and a logger.
    /// </summary>
    /// <exception cref="SettingException">A value is out of range, or the connection string cannot be read.</exception>
    public static IServiceCollection AddStore(this IServiceCollection services, IConfiguration configuration)
    {
        var options = Settings.Read<StoreOptions>(configuration, "Pixel:Store");
        services.AddSingleton(options);
        services.AddSingleton<Standings>().AddSingleton<Bar>();
        services.AddSingleton(provider => new StandingExchange(provider.GetRequiredService<Standings>(), provider.GetService<StandingFile>(), provider.GetRequiredService<IStandings>()));
        services.AddSingleton(provider =>
        {
            _ = provider.GetRequiredService<Journal.Journal>(); // only who holds its lock writes the file
            return new StandingFile(provider.GetRequiredService<DataDirectory>().Standings);
        });

        if (configuration.GetConnectionString("Postgres") is not { } given || string.IsNullOrWhiteSpace(given))
        {
            services.AddSingleton<ILabels>(provider => new SqliteLabels(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<IMailDecisions>(provider => new SqliteMailDecisions(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<IStandings>(provider => new SqliteStandings(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<PersonDialect>(provider => new SqlitePersons(provider.GetRequiredService<DataDirectory>().Database, Clock(provider)));
            services.AddSingleton<IDailyKeys>(provider => new SqliteDailyKeys(provider.GetRequiredService<DataDirectory>().Days));
            services.AddSingleton<IRetention>(provider => new SqliteRetention(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<ISides>(provider => new SqliteSides(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<IConsents>(provider => new SqliteConsents(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<IRefusals>(provider => new SqliteRefusals(provider.GetRequiredService<DataDirectory>().Database));
            services.AddSingleton<IOptOuts>(provider => new SqliteOptOuts(provider.GetRequiredService<DataDirectory>().Database));
            return services.AddSingleton<IEventStore>(provider => new SqliteStore(
                provider.GetRequiredService<DataDirectory>().Database, options, Clock(provider), provider.GetRequiredService<ILogger<SqliteStore>>()));
        }

        var connectionString = PostgresConnection.Complete(given);
        services.AddSingleton(provider =>
        {
            var builder = new NpgsqlDataSourceBuilder(connectionString);
            builder.UseLoggerFactory(provider.GetService<ILoggerFactory>());
            return builder.Build();
        });
        services.AddSingleton<ILabels>(provider => new PostgresLabels(provider.GetRequiredService<NpgsqlDataSource>(), Clock(provider)));
        services.AddSingleton<IMailDecisions>(provider => new PostgresMailDecisions(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<IStandings>(provider => new PostgresStandings(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<PersonDialect>(provider => new PostgresPersons(provider.GetRequiredService<NpgsqlDataSource>(), provider.GetRequiredService<ILogger<PostgresPersons>>()));
        services.AddSingleton<IDailyKeys>(provider => new PostgresDailyKeys(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<IRetention>(provider => new PostgresRetention(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<ISides>(provider => new PostgresSides(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<IConsents>(provider => new PostgresConsents(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<IRefusals>(provider => new PostgresRefusals(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<IOptOuts>(provider => new PostgresOptOuts(provider.GetRequiredService<NpgsqlDataSource>()));
        return services.AddSingleton<IEventStore>(provider => new PostgresStore(
            provider.GetRequiredService<NpgsqlDataSource>(), connectionString, options, Clock(provider),
            provider.GetRequiredService<ILogger<PostgresStore>>()));
    }

    private static TimeProvider Clock(IServiceProvider provider) => provider.GetService<TimeProvider>() ?? TimeProvider.System;
}
