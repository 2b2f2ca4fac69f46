using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text.Unicode;

namespace PixelServer.Store;

/// <summary>
/// Events in the binary form of PostgreSQL's COPY (manual of PostgreSQL 15, "COPY", file formats; each type as its <c>recv</c>
/// function reads it), written straight into a buffer: a column costs nanoseconds, not an await.
/// </summary>
internal ref struct PostgresRows(Span<byte> buffer)
{
    private const int TextOid = 25;
    private const byte IPv4 = 2, IPv6 = 3; // PGSQL_AF_INET and PGSQL_AF_INET6, not the system's numbers
    private const long TicksPerMicrosecond = 10;
    private const long Epoch = 630_822_816_000_000_000 / TicksPerMicrosecond; // 2000-01-01
    private const int FixedBytes = 1024; // all lengths, ids, times, flags, number, address and words together stay below 500

    private readonly Span<byte> _buffer = buffer;
    private int _at;

    public readonly int Written => _at;

    /// <summary>Signature, no flags, no extension: before the first row.</summary>
    public static ReadOnlySpan<byte> Header =>
        [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xFF, (byte)'\r', (byte)'\n', 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>A row of -1 columns: behind the last row.</summary>
    public static readonly ReadOnlyMemory<byte> Trailer = new byte[] { 0xFF, 0xFF };

    /// <summary>Room that <paramref name="e"/> never exceeds. UTF-8 needs at most three bytes for a UTF-16 unit.</summary>
    public static int MaxSize(Event e)
    {
        var hit = e.Hit;
        var units = Length(hit.SiteId) + Length(hit.Name) + Length(hit.ClientEventId) + Length(hit.UserId) + Length(hit.EmailSha256)
            + Length(hit.Url) + Length(e.Host) + Length(e.Path) + Length(hit.Title) + Length(hit.Referrer) + Length(e.ReferrerHost)
            + Length(e.UtmSource) + Length(e.UtmMedium) + Length(e.UtmCampaign) + Length(e.UtmTerm) + Length(e.UtmContent)
            + Length(e.ClickIdKind) + Length(e.ClickId) + Length(hit.Currency) + Length(e.Country)
            + Length(hit.UserAgent) + Length(e.Browser) + Length(e.Os) + Length(e.Device);
        foreach (var reason in e.TrafficReasons) units += reason.Length + 2;
        return checked(FixedBytes + 3 * units + hit.Properties.Length);
    }

    /// <summary>Needs <see cref="MaxSize"/> bytes of room; the order is that of <see cref="EventColumns.All"/>.</summary>
    /// <exception cref="RefusedRowException">A text is not well-formed, or a word is unknown to this version.</exception>
    public void Write(Event e)
    {
        var hit = e.Hit;
        Int16((short)EventColumns.All.Count);
        Id(hit.EventId);
        Time(hit.ReceivedAt);
        Time(hit.OccurredAt);
        Text(hit.SiteId);
        Bytes(Word(hit.Source));
        Text(hit.Name);
        Text(hit.ClientEventId);
        Id(hit.VisitorId);
        Bytes(Word(hit.VisitorKind));
        Text(hit.UserId);
        Text(hit.EmailSha256);
        Text(hit.Url);
        Text(e.Host);
        Text(e.Path);
        Text(hit.Title);
        Text(hit.Referrer);
        Text(e.ReferrerHost);
        Text(e.UtmSource);
        Text(e.UtmMedium);
        Text(e.UtmCampaign);
        Text(e.UtmTerm);
        Text(e.UtmContent);
        Text(e.ClickIdKind);
        Text(e.ClickId);
        Number(hit.Value);
        Text(hit.Currency);
        Address(hit.Ip);
        Text(e.Country);
        Text(hit.UserAgent);
        Text(e.Browser);
        Text(e.Os);
        Text(e.Device);
        Bytes(Word(e.Traffic));
        List(e.TrafficReasons);
        Flag(hit.ConsentStorage);
        Flag(hit.ConsentMeasurement);
        Flag(hit.ConsentAds);
        Flag(hit.Gpc);
        Json(hit.Properties.Span);
    }

    private static int Length(string? text) => text is null ? 0 : text.Length;

    private void Int16(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(_buffer[_at..], value);
        _at += 2;
    }

    private void Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer[_at..], value);
        _at += 4;
    }

    private void Null() => Int32(-1);

    private void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        value.CopyTo(_buffer[_at..]);
        _at += value.Length;
    }

    private void Id(Guid value)
    {
        Int32(16);
        value.TryWriteBytes(_buffer[_at..], bigEndian: true, out _);
        _at += 16;
    }

    // Both stores cut to whole microseconds, downwards.
    private void Time(DateTimeOffset value)
    {
        Int32(8);
        BinaryPrimitives.WriteInt64BigEndian(_buffer[_at..], value.UtcTicks / TicksPerMicrosecond - Epoch);
        _at += 8;
    }

    private void Flag(bool value)
    {
        Int32(1);
        _buffer[_at++] = value ? (byte)1 : (byte)0;
    }

    private void Text(string? value)
    {
        if (value is null)
        {
            Null();
            return;
        }

        var status = Utf8.FromUtf16(value, _buffer[(_at + 4)..], out _, out var written, replaceInvalidSequences: false);
        if (status != OperationStatus.Done) throw NotWellFormed();
        Int32(written);
        _at += written;
    }

    private void List(IReadOnlyList<string> values)
    {
        var start = _at;
        Int32(0);
        Int32(values.Count == 0 ? 0 : 1); // dimensions
        Int32(0);                         // no nulls
        Int32(TextOid);
        if (values.Count > 0)
        {
            Int32(values.Count);
            Int32(1); // lower bound
            for (var i = 0; i < values.Count; i++) Text(values[i]);
        }

        BinaryPrimitives.WriteInt32BigEndian(_buffer[start..], _at - start - 4);
    }

    private void Address(IPAddress? value)
    {
        if (value is null)
        {
            Null();
            return;
        }

        var four = value.AddressFamily == AddressFamily.InterNetwork;
        var size = four ? 4 : 16;
        Int32(4 + size);
        _buffer[_at++] = four ? IPv4 : IPv6;
        _buffer[_at++] = (byte)(size * 8);
        _buffer[_at++] = 0; // inet, not cidr
        _buffer[_at++] = (byte)size;
        value.TryWriteBytes(_buffer[_at..], out _);
        _at += size;
    }

    // An event without properties costs the row nothing that way, and properties->>'x' is null for it as for {}.
    private void Json(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
        {
            Null();
            return;
        }

        Int32(1 + value.Length);
        _buffer[_at++] = 1; // version of jsonb's wire format
        value.CopyTo(_buffer[_at..]);
        _at += value.Length;
    }

    // numeric: digits of base 10,000, aligned to the decimal point, without zeros at either end; the scale apart.
    private void Number(decimal? value)
    {
        if (value is not { } number)
        {
            Null();
            return;
        }

        Span<int> bits = stackalloc int[4];
        decimal.GetBits(number, bits);
        var mantissa = new UInt128((uint)bits[2], ((ulong)(uint)bits[1] << 32) | (uint)bits[0]);
        var scale = (bits[3] >> 16) & 0xFF;

        for (var pad = scale; pad % 4 != 0; pad++) mantissa *= 10;
        var weight = -1 - (scale + 3) / 4;

        Span<short> digits = stackalloc short[9]; // 2^96 * 1000 has 32 decimal digits
        var count = 0;
        while (mantissa != 0)
        {
            short digit;
            if (mantissa <= ulong.MaxValue)
            {
                var (rest, remainder) = Math.DivRem((ulong)mantissa, 10_000UL);
                (mantissa, digit) = (rest, (short)remainder);
            }
            else
            {
                var (rest, remainder) = UInt128.DivRem(mantissa, 10_000);
                (mantissa, digit) = (rest, (short)remainder);
            }

            weight++;
            if (digit == 0 && count == 0) continue;
            digits[count++] = digit;
        }

        Int32(8 + 2 * count);
        Int16((short)count);
        Int16((short)(count == 0 ? 0 : weight));
        Int16(count > 0 && decimal.IsNegative(number) ? (short)0x4000 : (short)0);
        Int16((short)scale);
        for (var i = count - 1; i >= 0; i--) Int16(digits[i]);
    }

    private static ReadOnlySpan<byte> Word(Source source) => source switch
    {
        Source.Pixel => "pixel"u8,
        Source.Beacon => "beacon"u8,
        Source.Email => "email"u8,
        Source.Click => "click"u8,
        Source.Server => "server"u8,
        Source.App => "app"u8,
        _ => throw Unknown("source"),
    };

    private static ReadOnlySpan<byte> Word(VisitorKind kind) => kind switch
    {
        VisitorKind.Cookie => "cookie"u8,
        VisitorKind.Daily => "daily"u8,
        VisitorKind.Client => "client"u8,
        VisitorKind.None => "none"u8,
        _ => throw Unknown("visitor_kind"),
    };

    private static ReadOnlySpan<byte> Word(Traffic traffic) => traffic switch
    {
        Traffic.Human => "human"u8,
        Traffic.ProxyOpen => "proxy_open"u8,
        Traffic.MachineOpen => "machine_open"u8,
        Traffic.Prefetch => "prefetch"u8,
        Traffic.Bot => "bot"u8,
        Traffic.Unknown => "unknown"u8,
        _ => throw Unknown("traffic"),
    };

    // The codes are those the server would give: character_not_in_repertoire, invalid_text_representation.
    public static RefusedRowException NotWellFormed() => new("22021", "a text is not well-formed Unicode", null);
    public static RefusedRowException Unknown(string column) => new("22P02", $"{column} holds a value that this version does not know", null);
}
