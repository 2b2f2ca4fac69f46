using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Configuration;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

/// <summary>Visitors of a day: what makes one the same, and what does not; and how their key ends.</summary>
public sealed class DailyVisitorTests : IDisposable
{
    private const string Chrome = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0";
    private static readonly DateTimeOffset s_noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly IPAddress s_address = IPAddress.Parse("203.0.113.77");

    private readonly DailyKeys _keys = new();

    private DailyVisitors Visitors => new(_keys);

    [Fact]
    public void The_same_browser_is_the_same_visitor_from_the_first_to_the_last_moment_of_a_utc_day()
    {
        var midnight = s_noon.AddHours(-12);
        var first = Visitors.Of("shop", s_address, Chrome, midnight);

        Assert.NotNull(first);
        Assert.Equal(first, Visitors.Of("shop", IPAddress.Parse("203.0.113.77"), Chrome, midnight.AddDays(1).AddTicks(-1)));
        Assert.Equal(first, Visitors.Of("shop", s_address, Chrome, midnight.AddHours(3).ToOffset(TimeSpan.FromHours(-8)))); // the day before, over there
        Assert.NotEqual(first, Visitors.Of("shop", s_address, Chrome, midnight.AddDays(1)));
        Assert.NotEqual(first, Visitors.Of("shop", s_address, Chrome, midnight.AddTicks(-1)));
        Assert.Equal(8, first.Value.Version);
    }

    [Theory]
    [InlineData("shop2", "203.0.113.77", Chrome)]
    [InlineData("Shop", "203.0.113.77", Chrome)]
    [InlineData("shop", "203.0.113.78", Chrome)]
    [InlineData("shop", "2001:db8::1", Chrome)]
    [InlineData("shop", "203.0.113.77", Chrome + " ")]
    [InlineData("shop", "203.0.113.77", "")]
    public void Another_site_address_or_agent_is_another_visitor(string site, string address, string agent) =>
        Assert.NotEqual(Visitors.Of("shop", s_address, Chrome, s_noon), Visitors.Of(site, IPAddress.Parse(address), agent, s_noon));

    [Fact]
    public void Where_one_field_ends_and_the_next_begins_matters()
    {
        // Without a border, or with the address as text, some of these would be the same bytes.
        (string Site, string Address, string Agent)[] all =
        [
            ("a", "1.2.3.4", "bc"), ("ab", "1.2.3.4", "c"), ("abc", "1.2.3.4", ""), ("a", "1.2.3.4", "\0bc"), ("a1.2.3.4", "1.2.3.4", "bc"),
            ("a", "1.2.3.41", "bc"), ("a", "1.2.3.4", "1bc"), ("a", "::ffff:0:0", "bc"), ("a", "::1.2.3.4", "bc"), ("a", "0.0.0.0", "bc"),
        ];

        var ids = all.Select(one => Visitors.Of(one.Site, IPAddress.Parse(one.Address), one.Agent, s_noon)).ToArray();

        Assert.Equal(all.Length - 1, ids.Distinct().Count()); // ::ffff:0:0 is how IPv6 writes 0.0.0.0
    }

    [Fact]
    public void An_ipv4_address_is_the_same_however_the_socket_writes_it() =>
        Assert.Equal(Visitors.Of("shop", s_address, Chrome, s_noon), Visitors.Of("shop", s_address.MapToIPv6(), Chrome, s_noon));

    [Fact]
    public void An_agent_of_any_length_and_any_characters_is_taken()
    {
        foreach (var agent in (string[])[new('ä', Limits.HeaderChars), new('\uD800', 300), "\0", new('x', 170), new('x', 171), new('\uFFFF', 1_000)])
            Assert.Equal(Visitors.Of("shop", s_address, agent, s_noon), Visitors.Of("shop", s_address, new(agent), s_noon));
    }

    [Fact]
    public void Two_collectors_with_the_same_key_know_the_same_visitor_and_with_other_keys_do_not()
    {
        using var others = new DailyKeys();
        var theirs = new DailyVisitors(others).Of("shop", s_address, Chrome, s_noon);
        Assert.NotEqual(theirs, Visitors.Of("shop", s_address, Chrome, s_noon));

        var seal = new DailySeal("0123456789abcdef0123456789abcdef"u8);
        var day = DateOnly.FromDateTime(s_noon.UtcDateTime);
        _keys.Adopt(seal.Open(day, seal.Close(others.Of(day)))!);

        Assert.Equal(theirs, Visitors.Of("shop", s_address, Chrome, s_noon));
    }

    [Fact]
    public void A_key_is_gone_from_memory_48_hours_after_its_day_began_and_not_before()
    {
        var day = new DateOnly(2026, 11, 23);
        var key = _keys.Of(day);
        var before = Visitors.Of("shop", s_address, Chrome, s_noon);

        _keys.Forget(day.AddDays(1));
        Assert.Equal(before, Visitors.Of("shop", s_address, Chrome, s_noon));

        _keys.Forget(day.AddDays(2));
        Span<byte> hash = stackalloc byte[32];
        Assert.False(key.TryHash("x"u8, hash));
        Assert.Throws<ObjectDisposedException>(() => key.Read(_ => { }));
        Assert.True(key.Is(Zeros(day)));
        Assert.NotEqual(before, Visitors.Of("shop", s_address, Chrome, s_noon));
    }

    [Fact]
    public void A_key_is_destroyed_under_threads_that_use_it_without_one_visitor_made_of_nothing()
    {
        const int rounds = 300;
        var wait = TimeSpan.FromSeconds(30);
        var (key, right, isDestroyed, failures) = (DailyKey.Random(new(2026, 11, 23)), new byte[32], false, new ConcurrentQueue<string>());
        using var turn = new Barrier(5);
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            var hash = new byte[32];
            for (var round = 0; round < rounds; round++)
            {
                if (!turn.SignalAndWait(wait)) return;
                while (true)
                {
                    var isLate = Volatile.Read(ref isDestroyed);
                    if (!key.TryHash("x"u8, hash)) break;
                    if (!right.AsSpan().SequenceEqual(hash)) failures.Enqueue("a visitor was made of nothing");
                    if (!isLate) continue;
                    failures.Enqueue("a thread still has the key after its end");
                    break;
                }

                if (!turn.SignalAndWait(wait)) return;
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();

        for (var round = 0; round < rounds; round++)
        {
            (key, isDestroyed) = (DailyKey.Random(new(2026, 11, 23)), false);
            Assert.True(key.TryHash("x"u8, right));
            Assert.True(turn.SignalAndWait(wait), $"round {round} begins");
            key.Dispose();
            Volatile.Write(ref isDestroyed, true);
            Assert.True(turn.SignalAndWait(wait), $"round {round} ends");
        }

        Assert.Empty(failures);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("Pixel:Sites:shop:Cookieless", "none")]
    [InlineData("Pixel:DefaultSite:Cookieless", "none")]
    public void A_site_may_want_none(string key, string? value)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Pixel:Sites:shop:IpPolicy", "drop"), new(key, value)]).Build();
        var sites = new Sites(configuration, PixelServer.Ops.Settings.Read<SiteOptions>(configuration, "Pixel:DefaultSite"), UnknownSites.Accept);
        Assert.Null(sites.Find("shop", out var site));

        Assert.Equal(value is null, Visitors.Of(site!, "shop", Caller.Told(s_noon, s_address, Chrome, gpc: false)) is not null);
        Assert.Null(Visitors.Of(site!, "shop", Caller.Told(s_noon, null, Chrome, gpc: false)));
        Assert.Null(Visitors.Of(site!, "shop", Caller.Told(s_noon, s_address, null, gpc: false)));
    }

    [Fact]
    public void A_closed_key_opens_for_its_day_and_its_secret_only_and_never_when_it_was_altered()
    {
        var day = new DateOnly(2026, 11, 23);
        var (seal, other) = (new DailySeal("0123456789abcdef0123456789abcdef"u8), new DailySeal("0123456789abcdef0123456789abcdeF"u8));
        using var key = DailyKey.Random(day);
        var closed = seal.Close(key);

        Assert.True(seal.Open(day, closed)!.Is(key));
        Assert.Null(other.Open(day, closed));
        Assert.Null(seal.Open(day.AddDays(1), closed));
        Assert.Null(seal.Open(day, []));
        Assert.Null(seal.Open(day, [.. closed, 0]));
        for (var i = 0; i < closed.Length; i++)
        {
            var altered = closed.ToArray();
            altered[i] ^= 1;
            Assert.Null(seal.Open(day, altered));
        }

        Assert.NotEqual(closed, seal.Close(key));
        key.Read(bytes => Assert.Equal(-1, closed.AsSpan().IndexOf(bytes.Span)));
    }

    public void Dispose() => _keys.Dispose();

    private static DailyKey Zeros(DateOnly day) => DailyKey.Shared(day, bytes => bytes.Span.Clear());
}
