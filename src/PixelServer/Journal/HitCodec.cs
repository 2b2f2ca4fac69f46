using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace PixelServer.Journal;

/// <summary>A <see cref="Hit"/> as bytes. Fixed part first, then the fields that are present, each as tag, length, bytes.</summary>
/// <remarks><code>
///  0 u8 version (2, or 1 where no field needs 2)   1 u8 source   2 u8 visitor kind   3 u8 flags: 1 storage, 2 measurement, 4 ads, 8 GPC, 16 opted out
///  4 u8[16] event id  20 u8[16] visitor id (big-endian)  36 i64 received at  44 i64 occurred at (Unix microseconds)
/// 52 fields: u8 tag, varint length, bytes: text in UTF-8, amounts as the four words of a decimal, addresses as 4 or 16 bytes,
///    ids as 16 bytes (big-endian)
/// </code>A new field is a new tag and a new version, which only hits that have the field are written in: what a server leaves behind stays readable to the
/// one before it as far as that can be. Tags are never used again for something else.</remarks>
internal static class HitCodec
{
    private const byte First = 1, WithOnceKey = 2, Version = 2;
    private const int FixedBytes = 52;

    private enum Field : byte
    {
        SiteId = 1, Name, ClientEventId, UserId, EmailSha256, Url, Title, Referrer, Value, Currency, Ip, ProxyCountry, UserAgent,
        HintBrands, HintMobile, HintPlatform, Purpose, FetchDest, FetchMode, Properties,
        OnceKey,
    }

    /// <summary>Writes the hit and returns its length; false if <paramref name="to"/> is too small.</summary>
    public static bool TryWrite(Hit hit, Span<byte> to, out int written)
    {
        written = 0;
        if (to.Length < FixedBytes) return false;
        to[0] = hit.OnceKey is null ? First : WithOnceKey;
        to[1] = (byte)hit.Source;
        to[2] = (byte)hit.VisitorKind;
        to[3] = (byte)((hit.ConsentStorage ? 1 : 0) | (hit.ConsentMeasurement ? 2 : 0) | (hit.ConsentAds ? 4 : 0) | (hit.Gpc ? 8 : 0) | (hit.OptedOut ? 16 : 0)
            | (hit.IsVisitorNew ? 32 : 0));
        hit.EventId.TryWriteBytes(to[4..], bigEndian: true, out _);
        hit.VisitorId.TryWriteBytes(to[20..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(to[36..], Microseconds(hit.ReceivedAt));
        BinaryPrimitives.WriteInt64LittleEndian(to[44..], Microseconds(hit.OccurredAt));

        var fields = new FieldWriter(to[FixedBytes..]);
        fields.Text(Field.SiteId, hit.SiteId);
        fields.Text(Field.Name, hit.Name);
        fields.Text(Field.ClientEventId, hit.ClientEventId);
        fields.Text(Field.UserId, hit.UserId);
        fields.Text(Field.EmailSha256, hit.EmailSha256);
        fields.Text(Field.Url, hit.Url);
        fields.Text(Field.Title, hit.Title);
        fields.Text(Field.Referrer, hit.Referrer);
        fields.Amount(Field.Value, hit.Value);
        fields.Text(Field.Currency, hit.Currency);
        fields.Address(Field.Ip, hit.Ip);
        fields.Text(Field.ProxyCountry, hit.ProxyCountry);
        fields.Text(Field.UserAgent, hit.UserAgent);
        fields.Text(Field.HintBrands, hit.HintBrands);
        fields.Text(Field.HintMobile, hit.HintMobile);
        fields.Text(Field.HintPlatform, hit.HintPlatform);
        fields.Text(Field.Purpose, hit.Purpose);
        fields.Text(Field.FetchDest, hit.FetchDest);
        fields.Text(Field.FetchMode, hit.FetchMode);
        fields.Bytes(Field.Properties, hit.Properties.Span);
        fields.Id(Field.OnceKey, hit.OnceKey);
        written = FixedBytes + fields.Written;
        return fields.Fits;
    }

    /// <exception cref="NewerJournalException">A later version wrote it.</exception>
    /// <exception cref="InvalidDataException">These are not the bytes of a hit.</exception>
    public static Hit Read(ReadOnlySpan<byte> from)
    {
        if (from.Length > 0 && from[0] > Version) throw new NewerJournalException("a hit");
        if (from.Length < FixedBytes || from[0] < First) throw new InvalidDataException("Not a hit.");
        if (!Enum.IsDefined((Source)from[1]) || !Enum.IsDefined((VisitorKind)from[2])) throw new InvalidDataException("Not a hit.");
        var fields = new FieldReader(from[FixedBytes..]);
        string? siteId = null, name = null, clientEventId = null, userId = null, emailSha256 = null, url = null, title = null, referrer = null;
        string? currency = null, proxyCountry = null, userAgent = null, brands = null, mobile = null, platform = null;
        string? purpose = null, fetchDest = null, fetchMode = null;
        decimal? value = null;
        IPAddress? ip = null;
        Guid? onceKey = null;
        ReadOnlyMemory<byte> properties = default;
        while (fields.Next(out var tag, out var bytes))
        {
            switch ((Field)tag)
            {
                case Field.SiteId: siteId = Encoding.UTF8.GetString(bytes); break;
                case Field.Name: name = Encoding.UTF8.GetString(bytes); break;
                case Field.ClientEventId: clientEventId = Encoding.UTF8.GetString(bytes); break;
                case Field.UserId: userId = Encoding.UTF8.GetString(bytes); break;
                case Field.EmailSha256: emailSha256 = Encoding.UTF8.GetString(bytes); break;
                case Field.Url: url = Encoding.UTF8.GetString(bytes); break;
                case Field.Title: title = Encoding.UTF8.GetString(bytes); break;
                case Field.Referrer: referrer = Encoding.UTF8.GetString(bytes); break;
                case Field.Value: value = ReadAmount(bytes); break;
                case Field.Currency: currency = Encoding.UTF8.GetString(bytes); break;
                case Field.Ip: ip = bytes.Length is 4 or 16 ? new IPAddress(bytes) : throw new InvalidDataException("Not an address."); break;
                case Field.ProxyCountry: proxyCountry = Encoding.UTF8.GetString(bytes); break;
                case Field.UserAgent: userAgent = Encoding.UTF8.GetString(bytes); break;
                case Field.HintBrands: brands = Encoding.UTF8.GetString(bytes); break;
                case Field.HintMobile: mobile = Encoding.UTF8.GetString(bytes); break;
                case Field.HintPlatform: platform = Encoding.UTF8.GetString(bytes); break;
                case Field.Purpose: purpose = Encoding.UTF8.GetString(bytes); break;
                case Field.FetchDest: fetchDest = Encoding.UTF8.GetString(bytes); break;
                case Field.FetchMode: fetchMode = Encoding.UTF8.GetString(bytes); break;
                case Field.Properties: properties = bytes.ToArray(); break;
                case Field.OnceKey: onceKey = bytes.Length == 16 ? new Guid(bytes, bigEndian: true) : throw new InvalidDataException("Not an id."); break;
                default: throw new InvalidDataException($"Unknown field {tag}.");
            }
        }

        return new Hit
        {
            Source = (Source)from[1],
            VisitorKind = (VisitorKind)from[2],
            ConsentStorage = (from[3] & 1) != 0,
            ConsentMeasurement = (from[3] & 2) != 0,
            ConsentAds = (from[3] & 4) != 0,
            Gpc = (from[3] & 8) != 0,
            OptedOut = (from[3] & 16) != 0, // a server before these flags passes over them
            IsVisitorNew = (from[3] & 32) != 0,
            EventId = new Guid(from.Slice(4, 16), bigEndian: true),
            VisitorId = new Guid(from.Slice(20, 16), bigEndian: true),
            ReceivedAt = Time(from[36..]),
            OccurredAt = Time(from[44..]),
            SiteId = siteId ?? throw new InvalidDataException("A hit without a site."),
            Name = name ?? throw new InvalidDataException("A hit without a name."),
            ClientEventId = clientEventId,
            UserId = userId,
            EmailSha256 = emailSha256,
            OnceKey = onceKey,
            Url = url,
            Title = title,
            Referrer = referrer,
            Value = value,
            Currency = currency,
            Ip = ip,
            ProxyCountry = proxyCountry,
            UserAgent = userAgent,
            HintBrands = brands,
            HintMobile = mobile,
            HintPlatform = platform,
            Purpose = purpose,
            FetchDest = fetchDest,
            FetchMode = fetchMode,
            Properties = properties,
        };
    }

    private static long Microseconds(DateTimeOffset at) => (at.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    private static DateTimeOffset Time(ReadOnlySpan<byte> bytes)
    {
        var microseconds = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        // The years 1 to 9999 in Unix microseconds: the range of the type.
        if (microseconds is < -62_135_596_800_000_000 or > 253_402_300_799_999_999) throw new InvalidDataException("Not a time.");
        return DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);
    }

    private static decimal ReadAmount(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != 16) throw new InvalidDataException("Not an amount.");
        Span<int> words = stackalloc int[4];
        for (var i = 0; i < 4; i++) words[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(i * 4)..]);
        try
        {
            return new decimal(words);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException("Not an amount.", e);
        }
    }

    private ref struct FieldWriter(Span<byte> to)
    {
        private Span<byte> _rest = to;

        public bool Fits { get; private set; } = true;
        public int Written { get; private set; }

        public void Text(Field tag, string? text)
        {
            if (text is null || !Fits) return;
            var length = Encoding.UTF8.GetByteCount(text);
            Start(tag, length);
            if (Fits) Encoding.UTF8.GetBytes(text, Take(length));
        }

        public void Bytes(Field tag, scoped ReadOnlySpan<byte> bytes)
        {
            if (bytes.IsEmpty || !Fits) return;
            Start(tag, bytes.Length);
            if (Fits) bytes.CopyTo(Take(bytes.Length));
        }

        public void Amount(Field tag, decimal? value)
        {
            if (value is not { } amount || !Fits) return;
            Span<int> words = stackalloc int[4];
            decimal.GetBits(amount, words);
            Span<byte> bytes = stackalloc byte[16];
            for (var i = 0; i < 4; i++) BinaryPrimitives.WriteInt32LittleEndian(bytes[(i * 4)..], words[i]);
            Bytes(tag, bytes);
        }

        public void Address(Field tag, IPAddress? address)
        {
            if (address is null || !Fits) return;
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out var length);
            Bytes(tag, bytes[..length]);
        }

        public void Id(Field tag, Guid? id)
        {
            if (id is not { } given || !Fits) return;
            Span<byte> bytes = stackalloc byte[16];
            given.TryWriteBytes(bytes, bigEndian: true, out _);
            Bytes(tag, bytes);
        }

        private void Start(Field tag, int length)
        {
            // Tag, at most five bytes of length, content.
            if (_rest.Length < 6 + length)
            {
                Fits = false;
                return;
            }

            _rest[0] = (byte)tag;
            var used = 1;
            var left = (uint)length;
            for (; left >= 0x80; left >>= 7) _rest[used++] = (byte)(left | 0x80);
            _rest[used++] = (byte)left;
            Take(used);
        }

        private Span<byte> Take(int count)
        {
            var taken = _rest[..count];
            _rest = _rest[count..];
            Written += count;
            return taken;
        }
    }

    private ref struct FieldReader(ReadOnlySpan<byte> from)
    {
        private ReadOnlySpan<byte> _rest = from;

        public bool Next(out byte tag, out ReadOnlySpan<byte> bytes)
        {
            tag = 0;
            bytes = default;
            if (_rest.IsEmpty) return false;
            tag = _rest[0];
            var used = 1;
            var length = 0u;
            for (var shift = 0; ; shift += 7)
            {
                if (used >= _rest.Length || shift > 28) throw new InvalidDataException("A field without an end.");
                var part = _rest[used++];
                length |= (uint)(part & 0x7f) << shift;
                if (part < 0x80) break;
            }

            if (length > (uint)(_rest.Length - used)) throw new InvalidDataException("A field without an end.");
            bytes = _rest.Slice(used, (int)length);
            _rest = _rest[(used + (int)length)..];
            return true;
        }
    }
}
