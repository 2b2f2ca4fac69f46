using System.Globalization;
using CsCheck;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class ClientClockTests
{
    private static readonly DateTimeOffset s_received = new(2026, 11, 23, 10, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.0000000")]
    [InlineData("2026-11-23T10:00:00.123Z", "2026-11-23T10:00:00.1230000")]
    [InlineData("2026-11-23T10:00:00.123456789Z", "2026-11-23T10:00:00.1234567")]
    [InlineData("2026-11-23t10:00:00,5z", "2026-11-23T10:00:00.5000000")]
    [InlineData("2026-11-23T12:00:00+02:00", "2026-11-23T10:00:00.0000000")]
    [InlineData("2026-11-23T12:00:00 02:00", "2026-11-23T10:00:00.0000000")] // the plus of a query that was not encoded
    [InlineData("2026-11-23T04:30:00-0530", "2026-11-23T10:00:00.0000000")]
    [InlineData("2026-11-23T12:00:00+02", "2026-11-23T10:00:00.0000000")]
    [InlineData("2026-11-23 10:00", "2026-11-23T10:00:00.0000000")]
    [InlineData("2026-11-23", "2026-11-23T00:00:00.0000000")]
    [InlineData("2024-02-29", "2024-02-29T00:00:00.0000000")]
    [InlineData("1763892000", "2025-11-23T10:00:00.0000000")]
    [InlineData("1763892000.25", "2025-11-23T10:00:00.2500000")]
    [InlineData("1763892000123", "2025-11-23T10:00:00.1230000")]
    [InlineData("1.763892e9", "2025-11-23T10:00:00.0000000")]
    [InlineData("0", "1970-01-01T00:00:00.0000000")]
    [InlineData("-1", "1969-12-31T23:59:59.0000000")]
    [InlineData("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.0000000")]
    public void Times_are_read(string text, string utc)
    {
        Assert.True(ClientClock.TryRead(text, out var time));
        Assert.Equal(utc, time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff", CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("")]
    [InlineData("now")]
    [InlineData("11/23/2026")]
    [InlineData("2026-13-01")]
    [InlineData("2026-02-29")]
    [InlineData("2026-11-23T24:00:00Z")]
    [InlineData("2026-11-23T10:60:00Z")]
    [InlineData("2026-11-23T10:00:00.Z")]
    [InlineData("2026-11-23T10:00:00Zx")]
    [InlineData("2026-11-23T10:00:00+99:00")]
    [InlineData("2026-11-23T10")]
    [InlineData("300000-01-01T00:00:00Z")]
    [InlineData("0000-01-01")]
    [InlineData("9999-12-31T23:59:59-01:00")]
    [InlineData("0001-01-01T00:00:00+01:00")]
    [InlineData("9e27")]
    [InlineData("253402300800000")]
    [InlineData("1e400")]
    [InlineData("NaN")]
    public void What_is_no_time_is_not_read(string text) => Assert.False(ClientClock.TryRead(text, out _));

    [Fact]
    public void What_the_framework_writes_is_read() =>
        Gen.DateTimeOffset.Sample(time => ClientClock.TryRead(time.ToString("O", CultureInfo.InvariantCulture), out var read) && read == time);

    [Fact]
    public void Any_text_is_read_without_a_fault() =>
        Gen.OneOf(Gen.String, Gen.OneOf("2026", "-", "11", "T", ":", "0", "9", ".", "+", "e", "Z", "99999999").Array[0, 12].Select(string.Concat))
            .Sample(text => { ClientClock.TryRead(text, out _); });

    [Fact]
    public void A_clients_clock_is_corrected_by_when_it_sent()
    {
        // The client runs three hours late, the event waited for two minutes.
        var happened = s_received.AddHours(-3).AddMinutes(-2);
        Assert.Equal(s_received.AddMinutes(-2), ClientClock.Occurred(s_received, happened, s_received.AddHours(-3)));
    }

    [Theory]
    [InlineData(-24 * 3600, true)]
    [InlineData(-24 * 3600 - 1, false)]
    [InlineData(5 * 60, true)]
    [InlineData(5 * 60 + 1, false)]
    public void A_time_too_far_away_is_not_believed(int seconds, bool believed)
    {
        var happened = s_received.AddSeconds(seconds);
        Assert.Equal(believed ? happened : s_received, ClientClock.Occurred(s_received, happened, null));
        Assert.Equal(believed ? happened : s_received, ClientClock.Occurred(s_received, happened.AddYears(-10), s_received.AddYears(-10)));
    }

    [Fact]
    public void Without_a_time_it_happened_when_it_arrived() => Assert.Equal(s_received, ClientClock.Occurred(s_received, null, s_received.AddYears(1)));

    [Fact]
    public void Whatever_a_client_says_the_result_is_within_the_bounds() =>
        Gen.Select(Gen.DateTimeOffset, Gen.DateTimeOffset.Nullable()).Sample((timestamp, sentAt) =>
        {
            var occurred = ClientClock.Occurred(s_received, timestamp, sentAt);
            return occurred.Offset == TimeSpan.Zero
                && occurred >= s_received.AddHours(-Limits.BackHours) && occurred <= s_received.AddMinutes(Limits.AheadMinutes);
        });
}
