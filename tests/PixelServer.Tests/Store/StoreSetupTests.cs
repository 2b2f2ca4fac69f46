using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Tests.Store;

/// <summary>Which store the configuration chooses, and how a wrong value is told.</summary>
public sealed class StoreSetupTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pixelserver-setup-").FullName;

    [Fact]
    public async Task Without_a_connection_string_the_store_is_a_file_in_the_data_directory()
    {
        await using var services = Services([]);
        var store = services.GetRequiredService<IEventStore>();

        await store.PrepareAsync(default);

        Assert.Equal("sqlite", store.Name);
        Assert.True(File.Exists(Path.Combine(_directory, "pixel.db")));
    }

    [Fact]
    public async Task With_a_connection_string_it_is_PostgreSQL_and_nothing_is_connected_yet()
    {
        await using var services = Services([("ConnectionStrings:Postgres", "Host=192.0.2.1;Username=pixel;Password=secret")]);

        Assert.Equal("postgresql", services.GetRequiredService<IEventStore>().Name);
        Assert.Equal(15, new NpgsqlConnectionStringBuilder(services.GetRequiredService<NpgsqlDataSource>().ConnectionString).KeepAlive);
    }

    [Fact]
    public void The_operators_own_values_win()
    {
        var complete = new NpgsqlConnectionStringBuilder(PostgresConnection.Complete("Host=db;Keepalive=0;Application Name=mine;Command Timeout=7"));

        Assert.Equal((0, "mine", 7), (complete.KeepAlive, complete.ApplicationName, complete.CommandTimeout));
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(14)),
            (PostgresConnection.Limits(complete.ConnectionString).Command, PostgresConnection.Limits(complete.ConnectionString).Batch));
        Assert.Equal("pixelserver", new NpgsqlConnectionStringBuilder(PostgresConnection.Complete("Host=db")).ApplicationName);
    }

    [Theory]
    [InlineData("postgres://pixel:geheim@db/pixel")]
    [InlineData("Host=db;Passwort=geheim")]
    [InlineData("Host=db;Port=geheim")]
    [InlineData("Password=geheim")]
    [InlineData("Host=db;Timeout=-1;Password=geheim")]
    public void A_connection_string_that_cannot_be_read_is_told_without_showing_it(string connectionString)
    {
        var e = Assert.Throws<SettingException>(() => Services([("ConnectionStrings:Postgres", connectionString)]));

        Assert.StartsWith("Setting ConnectionStrings:Postgres", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", e.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Pixel:Store:PartitionBy", "Week", "Day, Month")]
    [InlineData("Pixel:Store:PartitionsAhead", "0", "1 to 366")]
    [InlineData("Pixel:Store:MaxBatch", "0", "1 to 100000")]
    [InlineData("Pixel:Store:MaxDelay", "02:00:00", "00:00:00 to 00:01:00")]
    public void A_wrong_value_names_the_key_the_value_and_what_is_allowed(string key, string value, string allowed)
    {
        var e = Assert.Throws<SettingException>(() => Services([(key, value)]));

        Assert.Equal($"Setting {key} = '{value}' is not usable; allowed: {allowed}.", e.Message);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ServiceProvider Services((string Key, string Value)[] settings) => new ServiceCollection()
        .AddLogging()
        .AddSingleton(new DataDirectory(_directory))
        .AddStore(new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value)).Build())
        .BuildServiceProvider();
}
