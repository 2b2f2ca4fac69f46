using System.Globalization;

namespace PixelServer.Collect;

/// <summary>What a client's clock is worth: reads its times and corrects them by its own error.</summary>
internal static class ClientClock
{
    // Unix seconds reach this number in the year 5138, Unix milliseconds had it in 1973.
    private const decimal SmallestMilliseconds = 100_000_000_000m;

    private const NumberStyles Number = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    private static readonly decimal s_earliest = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly decimal s_latest = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <summary>ISO 8601 (UTC where no offset is given), Unix seconds or Unix milliseconds.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length > Limits.NumberChars) return false;
        if (!decimal.TryParse(text, Number, CultureInfo.InvariantCulture, out var number)) return TryReadIso(text, out time);

        // The bound first: a decimal near its end would overflow when multiplied.
        if (Math.Abs(number) > s_latest) return false;
        var milliseconds = Math.Abs(number) < SmallestMilliseconds ? number * 1000 : number;
        if (milliseconds < s_earliest || milliseconds > s_latest) return false;
        time = DateTimeOffset.UnixEpoch.AddTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond));
        return true;
    }

    /// <summary>When it happened by our clock; the time of arrival where the client's time is missing or too far away to be believed.</summary>
    /// <param name="received">When the request came.</param>
    /// <param name="timestamp">When it happened, by the client's clock.</param>
    /// <param name="sentAt">When it was sent, by the same clock; without it the clock is taken for right.</param>
    /// <param name="backHours">How far back the client may date an event.</param>
    public static DateTimeOffset Occurred(DateTimeOffset received, DateTimeOffset? timestamp, DateTimeOffset? sentAt, int backHours = Limits.BackHours)
    {
        if (timestamp is not { } happened || !IsBelieved(received, happened, sentAt, backHours)) return received;
        return (received - ((sentAt ?? received) - happened)).ToUniversalTime();
    }

    /// <summary>Whether the time is neither too far back nor ahead.</summary>
    /// <inheritdoc cref="Occurred"/>
    public static bool IsBelieved(DateTimeOffset received, DateTimeOffset timestamp, DateTimeOffset? sentAt, int backHours)
    {
        var age = (sentAt ?? received) - timestamp;
        return age <= TimeSpan.FromHours(backHours) && age >= -TimeSpan.FromMinutes(Limits.AheadMinutes);
    }

    // YYYY-MM-DD, then T or a space, hh:mm, :ss, .fraction, and Z or an offset. By hand, because the framework's parser either
    // takes far more than ISO 8601 or stops at seven digits of a fraction, and Go sends nine.
    private static bool TryReadIso(ReadOnlySpan<char> text, out DateTimeOffset time)
    {
        time = default;
        if (!Digits(ref text, 4, out var year) || !Skip(ref text, '-') || !Digits(ref text, 2, out var month)
            || !Skip(ref text, '-') || !Digits(ref text, 2, out var day)) return false;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)) return false;

        int hour = 0, minute = 0, second = 0;
        var fraction = 0L;
        var offset = TimeSpan.Zero;
        if (text.Length > 0)
        {
            if (!Skip(ref text, 'T') && !Skip(ref text, 't') && !Skip(ref text, ' ')) return false;
            if (!Digits(ref text, 2, out hour) || !Skip(ref text, ':') || !Digits(ref text, 2, out minute)) return false;
            if (Skip(ref text, ':') && !Digits(ref text, 2, out second)) return false;
            if (hour > 23 || minute > 59 || second > 59) return false;
            if ((Skip(ref text, '.') || Skip(ref text, ',')) && !Fraction(ref text, out fraction)) return false;
            if (!Offset(text, out offset)) return false;
        }

        var ticks = new DateTime(year, month, day, hour, minute, second).Ticks + fraction - offset.Ticks;
        if (ticks < DateTime.MinValue.Ticks || ticks > DateTime.MaxValue.Ticks) return false;
        time = new DateTimeOffset(ticks, TimeSpan.Zero);
        return true;
    }

    private static bool Offset(ReadOnlySpan<char> text, out TimeSpan offset)
    {
        offset = TimeSpan.Zero;
        if (text is "" or "Z" or "z") return true;

        // A '+' that was not percent-encoded arrives as a space.
        var sign = text[0] switch { '+' or ' ' => 1, '-' or '\u2212' => -1, _ => 0 };
        text = text[1..];
        if (sign == 0 || !Digits(ref text, 2, out var hours)) return false;
        var minutes = 0;
        if (text.Length > 0)
        {
            Skip(ref text, ':');
            if (!Digits(ref text, 2, out minutes) || text.Length > 0) return false;
        }

        if (hours > 23 || minutes > 59) return false;
        offset = sign * new TimeSpan(hours, minutes, 0);
        return true;
    }

    private static bool Fraction(ref ReadOnlySpan<char> text, out long ticks)
    {
        ticks = 0;
        var digits = 0;
        for (; text.Length > 0 && char.IsAsciiDigit(text[0]); text = text[1..], digits++)
            if (digits < 7) ticks = ticks * 10 + (text[0] - '0');
        for (var i = digits; i < 7; i++) ticks *= 10;
        return digits > 0;
    }

    private static bool Digits(ref ReadOnlySpan<char> text, int count, out int number)
    {
        number = 0;
        if (text.Length < count) return false;
        foreach (var c in text[..count])
        {
            if (!char.IsAsciiDigit(c)) return false;
            number = number * 10 + (c - '0');
        }

        text = text[count..];
        return true;
    }

    private static bool Skip(ref ReadOnlySpan<char> text, char c)
    {
        if (text.Length == 0 || text[0] != c) return false;
        text = text[1..];
        return true;
    }
}
