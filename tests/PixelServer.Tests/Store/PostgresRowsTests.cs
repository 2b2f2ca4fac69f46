using System.Globalization;
using CsCheck;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>The binary form of rows, judged by the server itself.</summary>
public sealed class PostgresRowsTests(SharedPostgres postgres) : IAsyncDisposable
{
    private readonly PostgresTestStore _test = new(postgres);

    [Fact]
    public async Task Any_amount_is_the_same_digits_and_scale_in_the_server()
    {
        var store = await _test.FreshAsync();
        var (journal, position) = (Guid.NewGuid(), 0L);
        await Events.Amount.Array[1, 200].SampleAsync(async amounts =>
        {
            var batch = Events.Batch(journal, position, [.. amounts.Select((amount, i) => WithValue(i, amount))]);
            await store.SaveAsync(batch, default);
            position = batch.To;

            // Minus zero is no amount: numeric has none.
            Assert.Equal(amounts.Select(a => (a == 0 ? Math.Abs(a) : a).ToString(CultureInfo.InvariantCulture)),
                await _test.AskAsync("select value::text from events order by received_at, ctid"));
            await _test.AskAsync("delete from events");
        }, iter: 30, threads: 1);
    }

    [Fact]
    public void No_event_needs_more_room_than_is_kept_for_it() => Events.Any.Sample(e =>
    {
        var rows = new PostgresRows(new byte[PostgresRows.MaxSize(e)]);
        rows.Write(e);
        return rows.Written <= PostgresRows.MaxSize(e);
    }, iter: 300);

    [Fact]
    public async Task Rows_larger_than_a_chunk_and_batches_of_many_chunks_arrive_whole()
    {
        var store = await _test.FreshAsync();
        string[] titles = ["small", new('x', 100_000), new('€', 300_000), "small again", .. Enumerable.Range(0, 500).Select(i => new string('y', 2_000))];

        await store.SaveAsync(Events.Batch(Guid.NewGuid(), 0, [.. titles.Select((title, i) => WithTitle(i, title))]), default);

        Assert.Equal(titles.Select(title => title.Length.ToString(CultureInfo.InvariantCulture)),
            await _test.AskAsync("select length(title) from events order by received_at, ctid"));
    }

    public ValueTask DisposeAsync() => _test.DisposeAsync();

    private static Event WithValue(int number, decimal value) => With(number, value, null);
    private static Event WithTitle(int number, string title) => With(number, null, title);

    private static Event With(int number, decimal? value, string? title) => new()
    {
        Hit = new Hit
        {
            EventId = Guid.NewGuid(),
            ReceivedAt = Events.Noon.AddMilliseconds(number),
            OccurredAt = Events.Noon,
            SiteId = "s",
            Source = Source.Pixel,
            Name = "n",
            VisitorId = Guid.NewGuid(),
            VisitorKind = VisitorKind.Cookie,
            Value = value,
            Title = title,
            ConsentStorage = true,
            ConsentMeasurement = true,
            ConsentAds = true,
        },
        Traffic = Traffic.Human,
        TrafficReasons = [],
    };
}
