using Microsoft.Extensions.DependencyInjection;
using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

/// <summary><c>pixel reclassify</c> as an operator runs it: the real executable, beside a running server.</summary>
public sealed class ReclassifyVerbTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task It_corrects_history_beside_a_running_server_and_a_second_run_changes_nothing(string store)
    {
        var connection = store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        await using var app = await PixelApp.StartAsync(connection);
        await app.Client.GetAsync("/p.gif");
        await app.StoredAsync(1);
        var today = DateTimeOffset.UtcNow.Date.AddHours(1);
        var before = new DateTimeOffset(today.AddDays(-2), TimeSpan.Zero);
        await app.Services.GetRequiredService<IEventStore>().SaveAsync(Events.Batch(Guid.NewGuid(), 0,
            LabelStore.Page(before, "curl/8.5.0", Label.Human),
            LabelStore.Mail(before.AddSeconds(1), "a", 1, label: Label.Human), LabelStore.Mail(before.AddSeconds(1.5), "a", 2, label: Label.Human)), default);
        string[] reclassify = ["reclassify", $"--ConnectionStrings:Postgres={connection}", $"--Pixel:DataDirectory={app.DataDirectory}"];

        var dry = await Executable.RunAsync([.. reclassify, "--dry-run"]);
        var elsewhere = await Executable.RunAsync([.. reclassify, "--since", $"{before.AddDays(1):yyyy-MM-dd}"]);
        var first = await Executable.RunAsync([.. reclassify, "--since", $"{before:yyyy-MM-dd}", "--until", $"{before:yyyy-MM-dd}"]);
        var second = await Executable.RunAsync(reclassify);

        Assert.All([dry, elsewhere, first, second], run => Assert.Equal((0, ""), (run.Code, run.Error)));
        Assert.EndsWith("4 rows read, 3 would change.\n", dry.Out, StringComparison.Ordinal);
        Assert.EndsWith("1 rows read, 0 changed.\n", elsewhere.Out, StringComparison.Ordinal);
        Assert.Equal($"{before:yyyy-MM-dd}: 3 rows read, 3 changed: human to bot 3\n3 rows read, 3 changed.\n", first.Out);
        Assert.EndsWith("4 rows read, 0 changed.\n", second.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_day_that_is_none_and_a_store_that_is_away_are_told_on_one_line()
    {
        using var folder = new TempFolder();
        var day = await Executable.RunAsync("reclassify", "--since", "yesterday", $"--Pixel:DataDirectory={folder.Path}");
        var away = await Executable.RunAsync("reclassify", $"--Pixel:DataDirectory={folder.Path}", "--ConnectionStrings:Postgres=Host=127.0.0.1;Port=1;Username=x;Database=x");

        Assert.Equal((2, 1), (day.Code, away.Code));
        Assert.Contains("yesterday", Assert.Single(day.Error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.StartsWith("The store cannot be asked: ", Assert.Single(away.Error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }
}
