using System.Collections.Concurrent;
using CsCheck;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class IdsTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 23, 10, 0, 0, 123, TimeSpan.Zero);

    [Fact]
    public void An_event_id_is_a_version_7_uuid_with_the_time_in_front()
    {
        var ids = new EventIds();
        Gen.Long[0, 4_000_000_000_000].Array[1, 5].Sample(times =>
        {
            var latest = 0L;
            foreach (var time in times.Order())
            {
                var text = ids.Next(DateTimeOffset.FromUnixTimeMilliseconds(time)).ToString("N");
                var written = Convert.ToInt64(text[..12], 16);
                if (text[12] != '7' || !"89ab".Contains(text[16]) || written < time || written < latest) return false;
                latest = written;
            }

            return true;
        }, threads: 1);
        Assert.Equal(s_now.ToUnixTimeMilliseconds(), Convert.ToInt64(new EventIds().Next(s_now).ToString("N")[..12], 16));
    }

    [Fact]
    public void Ids_ascend_in_every_order_that_can_be_told_also_when_the_clock_goes_back()
    {
        var ids = new EventIds();
        var last = ids.Next(s_now);
        for (var i = 0; i < 200_000; i++) // more than one millisecond has room for
        {
            var next = ids.Next(s_now.AddMilliseconds(-(i % 50)));
            Assert.True(string.CompareOrdinal(last.ToString("N"), next.ToString("N")) < 0);
            Assert.True(last.CompareTo(next) < 0);
            last = next;
        }
    }

    [Fact]
    public void Ids_of_many_threads_are_unique_and_ascend_within_each()
    {
        var ids = new EventIds();
        var all = new ConcurrentBag<Guid[]>();
        Parallel.For(0, 8, _ =>
        {
            var mine = new Guid[20_000];
            for (var i = 0; i < mine.Length; i++) mine[i] = ids.Next(s_now);
            all.Add(mine);
        });
        Assert.All(all, mine => Assert.True(mine.SequenceEqual(mine.Order())));
        Assert.Equal(160_000, all.SelectMany(mine => mine).Distinct().Count());
    }

    [Fact]
    public void Two_servers_differ_in_the_same_millisecond() => Assert.NotEqual(new EventIds().Next(s_now), new EventIds().Next(s_now));

    [Fact]
    public void Visitor_ids_never_repeat()
    {
        var all = new ConcurrentBag<Guid>();
        Parallel.For(0, 8, _ => { for (var i = 0; i < 5_000; i++) all.Add(RandomIds.Next()); });
        Assert.Equal(40_000, all.Distinct().Count());
        Assert.DoesNotContain(Guid.Empty, all);
    }
}
