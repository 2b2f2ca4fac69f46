using PixelServer.Tests.Support;

[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace PixelServer.Tests.Support;

/// <summary>The one <see cref="PostgresCluster"/> that all test classes share; a class makes its own database in it.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    private readonly PostgresCluster _cluster = new();

    /// <summary>Where PostgreSQL is missing the test is skipped, but fails in CI: there nothing may hide.</summary>
    public PostgresCluster Cluster => Required(_cluster);

    /// <summary>For tests that stop or kill the server.</summary>
    public static PostgresCluster NewCluster() => Required(new PostgresCluster());

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    private static PostgresCluster Required(PostgresCluster cluster)
    {
        if (PostgresCluster.Binaries is not null) return cluster;
        if (!string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"))) Assert.Fail("PostgreSQL 15 or later is not installed.");
        Assert.Skip("PostgreSQL 15 or later is not installed.");
        return cluster;
    }
}
