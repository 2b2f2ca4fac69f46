using CsCheck;
using PixelServer.Journal;
using PixelServer.Tests.Store;

namespace PixelServer.Tests.Journal;

public sealed class HitCodecProperties
{
    [Fact]
    public void Every_hit_comes_back_as_it_was() => Events.Any.Select(e => e.Hit).Sample(hit =>
    {
        var back = HitCodec.Read(Bytes(hit));
        foreach (var property in typeof(Hit).GetProperties())
        {
            var (expected, actual) = (property.GetValue(hit), property.GetValue(back));
            if (property.Name == nameof(Hit.Properties)) (expected, actual) = (hit.Properties.ToArray(), back.Properties.ToArray());
            // Times are kept to the microsecond, as PostgreSQL keeps them.
            if (expected is DateTimeOffset time) expected = time.AddTicks(-(time.UtcTicks % TimeSpan.TicksPerMicrosecond));
            // A scope belongs to one machine's interfaces and means nothing elsewhere.
            if (expected is System.Net.IPAddress address) expected = new System.Net.IPAddress(address.GetAddressBytes());
            if (expected is decimal amount) Assert.Equal(decimal.GetBits(amount), decimal.GetBits((decimal)actual!));
            else Assert.Equal(expected, actual);
        }
    }, iter: 2_000);

    [Fact]
    public void Every_field_of_a_hit_is_written()
    {
        var full = Bytes(Events.Full().Hit).Length;
        foreach (var field in typeof(Hit).GetProperties().Where(p => p.PropertyType == typeof(string)))
        {
            var hit = HitCodec.Read(Bytes(Events.Full().Hit));
            if (field.GetValue(hit) is null or "") field.SetValue(hit, "set");
            else field.SetValue(hit, field.GetValue(hit) + "+");
            Assert.True(Bytes(hit).Length > full, field.Name);
        }
    }

    [Fact]
    public void Any_bytes_are_a_hit_or_a_named_error() => Gen.Byte.Array[0, 300].Sample(bytes => Assert.True(IsHitOrNamedError(bytes)), iter: 20_000);

    [Fact]
    public void A_damaged_hit_is_a_hit_or_a_named_error() =>
        Gen.Select(Events.Any, Gen.Int[0, 10_000], Gen.Byte).Sample((e, at, value) =>
        {
            var bytes = Bytes(e.Hit);
            bytes[at % bytes.Length] = value;
            Assert.True(IsHitOrNamedError(bytes));
            Assert.True(IsHitOrNamedError(bytes[..(at % bytes.Length)]));
        }, iter: 5_000);

    [Fact]
    public void A_buffer_that_is_too_small_is_told_and_never_overrun()
    {
        var hit = Events.Full().Hit;
        var whole = Bytes(hit);
        for (var length = 0; length < whole.Length; length++)
        {
            var buffer = new byte[length + 1];
            buffer[length] = 0xEE;
            Assert.False(HitCodec.TryWrite(hit, buffer.AsSpan(0, length), out _));
            Assert.Equal(0xEE, buffer[length]);
        }
    }

    [Fact]
    public void A_hit_of_a_later_version_is_never_misread()
    {
        var bytes = Bytes(Events.Full().Hit);
        bytes[0] = 3;
        Assert.Throws<NewerJournalException>(() => HitCodec.Read(bytes));
    }

    [Fact]
    public void The_bytes_of_version_1_stay_readable()
    {
        // Written by the first release. It must never change: a journal of then has to drain now.
        Assert.Equal("shop", HitCodec.Read(Convert.FromHexString(Version1)).SiteId);
        Assert.Equal(Version1, Convert.ToHexString(Bytes(Events.Full(1, Events.Noon).Hit)));
    }

    [Fact]
    public void A_hit_is_written_in_the_oldest_version_that_can_hold_it()
    {
        Assert.Equal(1, Bytes(Events.Full().Hit)[0]);
        Assert.Equal(2, Bytes(Events.Full(onceKey: Guid.NewGuid()).Hit)[0]);
    }

    private static bool IsHitOrNamedError(byte[] bytes)
    {
        try
        {
            return HitCodec.Read(bytes).SiteId is not null;
        }
        catch (Exception e) when (e is InvalidDataException or NewerJournalException)
        {
            return true;
        }
    }

    private static byte[] Bytes(Hit hit)
    {
        var buffer = new byte[1 << 16];
        Assert.True(HitCodec.TryWrite(hit, buffer, out var written));
        return buffer[..written];
    }

    private const string Version1 =
        "0102010B0000000100077000800102030405060700005EED00004000900000000000000100305055F060060040692255F060" +
        "0600010473686F700208707572636861736503076F726465722D310407757365723132330540616161616161616161616161" +
        "6161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161" +
        "6161062968747470733A2F2F73686F702E6578616D706C652F636172743F75746D5F736F757263653D6D6574610704436172" +
        "74081768747470733A2F2F6C2E66616365626F6F6B2E636F6D2F09107E1300000000000000000000000002000A034555520B" +
        "04CB0071000C0241540D304D6F7A696C6C612F352E3020285831313B204C696E7578207838365F363429204368726F6D652F" +
        "3134302E302E302E3014397B2273697A65223A34322C2274616773223A5B226E6577222C2273616C65225D2C226465657022" +
        "3A7B2262223A312C2261223A6E756C6C7D7D";
}
