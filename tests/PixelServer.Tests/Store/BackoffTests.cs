using CsCheck;
using PixelServer.Store;

namespace PixelServer.Tests.Store;

public sealed class BackoffTests
{
    [Fact]
    public void Waits_double_from_a_tenth_of_a_second_to_ten_seconds_and_begin_anew_after_a_success()
    {
        var backoff = new Backoff(() => 1);
        Assert.Equal([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000], Enumerable.Range(0, 9).Select(_ => backoff.Failed().TotalMilliseconds));
        backoff.Succeeded();
        Assert.Equal(100, backoff.Failed().TotalMilliseconds);
    }

    [Fact]
    public void Chance_takes_away_at_most_half_of_a_wait() => Gen.Select(Gen.Double[0, 1], Gen.Int[1, 200]).Sample((chance, failures) =>
    {
        var (backoff, whole) = (new Backoff(() => chance), new Backoff(() => 1));
        for (var i = 0; i < failures; i++)
        {
            var (wait, full) = (backoff.Failed(), whole.Failed());
            Assert.InRange(wait.TotalMilliseconds, full.TotalMilliseconds / 2 - 0.001, full.TotalMilliseconds);
        }
    });
}
