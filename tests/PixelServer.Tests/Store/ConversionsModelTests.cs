using CsCheck;
using PixelServer.Enrich;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>Any events at all: both stores find the conversions and the figures that <see cref="ConversionModel"/> finds.</summary>
public sealed class ConversionsModelTests(SharedPostgres postgres)
{
    private static readonly DateTimeOffset s_first = new(2026, 11, 10, 0, 0, 0, TimeSpan.Zero);

    // Few ids, hours and sites, so that copies meet at every distance; microseconds, so that they meet just inside and just outside of 48 hours.
    private static readonly Gen<DateTimeOffset> s_time = Gen.Select(Gen.Int[0, 10 * 8], Of(0, 0, 0, -1, 1, 500, 1_500, 999_999),
        (steps, microseconds) => s_first.AddDays(1).AddHours(steps * 3).AddMicroseconds(microseconds));

    private static readonly Gen<Event> s_event =
        from at in s_time
        from source in Of(Source.Server, Source.Server, Source.Beacon, Source.Pixel, Source.App, Source.Click)
        from key in Gen.Select(Of<string?>(null, "1", "1", "2", "2", "3"), Of("purchase", "purchase", "Lead", "special", "page_view"), Of("shop", "Shop", "blog"))
        from eventId in Gen.Guid
        from behind in Gen.Int[0, 100_000]
        from has in Gen.Bool.Array[14]
        from kind in Gen.Enum<VisitorKind>()
        from value in Events.Amount
        from text in Gen.Int[1, 5].Select(number => $"text {number}")
        from flags in Gen.Bool.Array[4]
        from traffic in Gen.Enum<Traffic>()
        select ConversionStore.Copy(
            at, source, key.Item1, key.Item2, key.Item3, eventId, at.AddSeconds(-behind),
            visitor: (eventId, kind), userId: Maybe(has[0], text), email: Maybe(has[1], text), page: has[2] ? (Maybe(has[3], text), Maybe(!has[3] || has[4], text)) : null,
            referrer: Maybe(has[4], text), campaign: has[5] ? [null, text, null, Maybe(has[6], text), null] : null, click: has[7] ? ("gclid", text) : null,
            value: has[8] ? value : null, currency: Maybe(has[9], "EUR"), ip: Maybe(has[10], $"203.0.113.{text[^1]}"), country: Maybe(has[11], "A" + text[^1]),
            agent: Maybe(has[12], text), label: new Label(traffic, flags[0] ? [text] : []), storage: flags[0], measurement: flags[1], ads: flags[2], gpc: flags[3],
            properties: !has[13] ? null : flags[1] ? $$$"""{"$identities":{"phone_sha256":["{{{text}}}"]}}""" : $$"""{"b":"{{text}}","a":1}""");

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task Both_stores_find_what_a_plain_loop_finds(string name)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        await store.AskAsync("insert into conversion_names (site_id, name) values ('shop', 'special')");

        await Gen.Select(s_event.Array[0, 60], Gen.Int[0, 12], Gen.Int[0, 6], Of<string?>(null, "shop", "blog"), Of<string?>(null, "purchase")).SampleAsync(async any =>
        {
            var events = any.Item1.DistinctBy(e => e.Hit.EventId).ToArray();
            await store.AskAsync("delete from events");
            await store.SaveAsync(events);

            var model = ConversionModel.Pair(events, IsConversion).Select(ConversionModel.Best)
                .OrderBy(row => row["received_at"], StringComparer.Ordinal).ThenBy(row => row["event_id"], StringComparer.Ordinal);
            Assert.Equal(model.Select(Line), (await store.ConversionsAsync()).Select(Line));

            var first = DateOnly.FromDateTime(s_first.UtcDateTime).AddDays(any.Item2);
            var question = new SidesQuestion(any.Item4, any.Item5, first, first.AddDays(any.Item3));
            Assert.Equal(ConversionModel.Report(events, IsConversion, question), await store.Sides.AskAsync(question, 1_000, default));
        }, iter: 60, threads: 1);
    }

    [Theory]
    [InlineData("sqlite", new long[] { 1_000_000, 2_000_000 }, "1.5")]
    [InlineData("postgresql", new long[] { 1_000_000, 2_000_000 }, "1.5")]
    [InlineData("sqlite", new long[] { 500 }, "0.001")]
    [InlineData("postgresql", new long[] { 500 }, "0.001")]
    [InlineData("sqlite", new long[] { 0, 1_000 }, "0.0005")]
    [InlineData("postgresql", new long[] { 0, 1_000 }, "0.0005")]
    [InlineData("sqlite", new long[] { 2_345_678_001, 2_345_679_000 }, "2345.6785005")]
    [InlineData("postgresql", new long[] { 2_345_678_001, 2_345_679_000 }, "2345.6785005")]
    [InlineData("sqlite", new long[] { -500, -500 }, "-0.001")]
    [InlineData("postgresql", new long[] { -500, -500 }, "-0.001")]
    [InlineData("sqlite", new[] { 172_800_000_000, 172_799_999_000, 1_001, -172_800_000_000 }, "86400.0000005")]
    [InlineData("postgresql", new[] { 172_800_000_000, 172_799_999_000, 1_001, -172_800_000_000 }, "86400.0000005")]
    public async Task The_median_delay_is_the_mean_of_the_two_in_the_middle_to_a_millisecond(string name, long[] microseconds, string seconds)
    {
        await using var store = await ConversionStore.FreshAsync(name, postgres);
        var day = s_first.AddDays(3);
        await store.SaveAsync([.. microseconds.SelectMany((delay, i) => new[]
        {
            ConversionStore.Copy(day.AddMicroseconds(delay > 0 ? 0 : -delay), id: $"{i}"), ConversionStore.Copy(day.AddMicroseconds(delay > 0 ? delay : 0), Source.Server, $"{i}"),
        })]);

        var first = DateOnly.FromDateTime(day.UtcDateTime);
        var row = Assert.Single(await store.Sides.AskAsync(new SidesQuestion(null, null, first, first), 10, default));

        var expected = Math.Round(decimal.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture), 3, MidpointRounding.AwayFromZero);
        Assert.Equal(expected, row.MedianDelaySeconds);
    }

    [Fact]
    public async Task The_shares_of_the_database_are_those_of_the_server()
    {
        await using var store = await ConversionStore.FreshAsync("postgresql", postgres);
        var events = Enumerable.Range(0, 700).Select(i => ConversionStore.Copy(s_first.AddHours(i % 60), i % 3 == 0 ? Source.Server : Source.Pixel, $"{i % 97}", i % 5 == 0 ? "lead" : "purchase")).ToArray();
        await store.SaveAsync(events);
        var question = new SidesQuestion(null, null, new DateOnly(2026, 11, 10), new DateOnly(2026, 11, 14));

        var rows = await store.Sides.AskAsync(question, 1_000, default);
        var shares = await store.AskAsync(
            "select concat_ws(' ', match_rate, coalesce(server_matched::text, '-'), coalesce(browser_matched::text, '-')) from two_sides(null, '2026-11-10', '2026-11-14') order by day, site_id, name");

        Assert.NotEmpty(rows);
        Assert.Equal(rows.Select(row => FormattableString.Invariant($"{row.MatchRate:0.0000} {Text(row.ServerMatched)} {Text(row.BrowserMatched)}")), shares);

        static string Text(decimal? share) => share is { } known ? FormattableString.Invariant($"{known:0.0000}") : "-";
    }

    private static Gen<T> Of<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool IsConversion(Event e) => e.Hit.Name is "purchase" or "Lead" or "lead" || e.Hit is { Name: "special", SiteId: "shop" };

    private static string? Maybe(bool has, string text) => has ? text : null;

    private static string Line(IReadOnlyDictionary<string, string?> row) => string.Join('\n', row.OrderBy(column => column.Key, StringComparer.Ordinal).Select(column => $"{column.Key}={column.Value ?? "(null)"}"));
}
