using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using CsCheck;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

public sealed class MailTokenTests : IDisposable
{
    private const string Secret = "a-secret-of-at-least-thirty-two-characters";

    private readonly TempFolder _folder = new();
    private readonly MailKeys _keys;

    public MailTokenTests() => _keys = KeysOf(("k1", Secret), ("old-key", Secret + "2"));

    private static readonly MailToken s_click = new("shop", "4711")
    {
        Message = "autumn-2026",
        Campaign = "Herbst & Winter 👢",
        SentAt = new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero),
        ExpiresAt = new DateTimeOffset(2027, 11, 24, 10, 0, 0, TimeSpan.Zero),
        Target = "https://shop.example/boots?a=1&b=%20#top",
        LinkIndex = 3,
        LinkCount = 7,
        IsTrap = true,
    };

    private static readonly Gen<string> s_id = Gen.String[Gen.Char["abcdefghijklmnopqrstuvwxyz-_.:/äß中 "], 1, 20];

    private static readonly Gen<MailToken> s_any =
        from site in Gen.String[Gen.Char.AlphaNumeric, 1, 64]
        from ids in Gen.Select(s_id, s_id, s_id)
        from times in Gen.Select(Gen.Long[0, 253_402_300_799], Gen.Long[0, 253_402_300_799])
        from link in Gen.Select(Gen.Int[0, 499], Gen.Int[1, 500], Gen.Bool)
        from isWhole in Gen.Bool
        select new MailToken(site, ids.Item1)
        {
            Message = ids.Item2,
            Campaign = isWhole ? ids.Item3 : null,
            SentAt = isWhole ? DateTimeOffset.FromUnixTimeSeconds(times.Item1) : null,
            ExpiresAt = isWhole ? DateTimeOffset.FromUnixTimeSeconds(times.Item2) : null,
            Target = "https://shop.example/" + link.Item1,
            LinkIndex = isWhole ? link.Item1 : null,
            LinkCount = isWhole ? link.Item2 : null,
            IsTrap = link.Item3,
        };

    [Fact]
    public void What_was_signed_is_what_is_read() =>
        s_any.Sample(token =>
        {
            foreach (var door in Enum.GetValues<MailDoor>())
            {
                var text = Sign(token, door);
                Assert.InRange(text.Length, 1, MailToken.MaxChars);
                Assert.Equal(token, MailToken.Read(door, text, _keys));
            }
        });

    [Fact]
    public void Every_character_that_is_changed_left_out_or_put_in_makes_it_worthless()
    {
        var text = Sign(s_click);
        const string Others = "AQgwaz019-_.% =\0é/";
        for (var i = 0; i < text.Length; i++)
        {
            foreach (var other in Others.Where(c => c != text[i])) AssertBad(text[..i] + other + text[(i + 1)..]);
            AssertBad(text.Remove(i, 1));
            AssertBad(text.Insert(i, "A"));
            AssertBad(text[..i]);
        }

        AssertBad(text + "A");
        AssertBad(text + ".");
        AssertBad("." + text);
        AssertBad(text.ToUpperInvariant());
    }

    // The last character of 16 bytes in base64 has four bits that a decoder passes over: 16 spellings of one MAC, one of which we gave out.
    [Fact]
    public void The_mac_has_one_spelling()
    {
        var text = Sign(s_click);
        var good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".Where(last => Read(text[..^1] + last) is not null);
        Assert.Equal([text[^1]], good);
    }

    [Fact]
    public void A_token_of_one_door_is_worth_nothing_at_another()
    {
        foreach (var signed in Enum.GetValues<MailDoor>())
            foreach (var shown in Enum.GetValues<MailDoor>())
                Assert.Equal(signed == shown, MailToken.Read(shown, Sign(s_click, signed), _keys) is not null);
    }

    [Fact]
    public void A_key_reads_only_what_it_signed_itself()
    {
        Assert.NotNull(Read(s_click.Sign(MailDoor.Click, "old-key", Encoding.UTF8.GetBytes(Secret + "2"))));
        AssertBad(s_click.Sign(MailDoor.Click, "k1", Encoding.UTF8.GetBytes(Secret + "2")));
        AssertBad(s_click.Sign(MailDoor.Click, "old-key", Encoding.UTF8.GetBytes(Secret)));
        AssertBad(s_click.Sign(MailDoor.Click, "K1", Encoding.UTF8.GetBytes(Secret)));
        AssertBad(s_click.Sign(MailDoor.Click, "nobody", Encoding.UTF8.GetBytes(Secret)));
        AssertBad(s_click.Sign(MailDoor.Click, "k1", []));
    }

    [Fact]
    public void Whatever_strangers_write_is_read_as_nothing_and_throws_nothing()
    {
        Gen.String[0, 200].Sample(AssertBad);
        Gen.Select(Gen.String[Gen.Char["k1."], 0, 8], Gen.String[Gen.Char["AZaz09-_.="], 0, 400], Gen.String[Gen.Char["AZaz09-_"], 20, 24])
            .Sample((a, b, c) => AssertBad($"{a}.{b}.{c}"));
        AssertBad("");
        AssertBad(new string('.', 100));
        AssertBad(new string('A', 1_000_000));
        AssertBad($"k1.{new string('A', MailToken.MaxChars)}.{new string('A', 22)}");
        AssertBad($"{new string('k', 17)}.AA.{new string('A', 22)}");
        AssertBad($"\ud800.\udfff.{new string('A', 22)}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"s":"shop","m":"m"}""")]
    [InlineData("""{"s":"shop","r":"4711"}""")]
    [InlineData("""{"s":"shop","m":"m","r":4711}""")]
    [InlineData("""{"s":"shop","m":null,"r":"4711"}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","t":"now"}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","t":1.5}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","t":-1}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","t":253402300800}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","e":99999999999999999999}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","i":-1}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","n":501}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711"} {}""")]
    [InlineData("""{"s":"shop","m":"m","r":"\ud800"}""")]
    [InlineData("""{"s":"shop","m":"m","r":"\u0000"}""")]
    [InlineData("""{"s":"s h o p","m":"m","r":"4711"}""")]
    [InlineData("""{"s":"shop","m":"m","r":"reader@mail.example"}""")]
    [InlineData("""{"s":"shop","m":"reader%40mail.example","r":"4711"}""")]
    [InlineData("""{"s":"shop","m":"m","r":"5f4dcc3b5aa765d61d8327deb882cf99"}""")]
    [InlineData("""{"s":"shop","m":"m","r":"4711","deep":{"a":{"b":1}}}""")]
    public void A_signature_does_not_make_something_else_of_what_is_no_payload(string json)
    {
        Assert.NotNull(MailToken.Read(MailDoor.Open, SignText("""{"s":"shop","m":"m","r":"4711"}""", MailDoor.Open), _keys));
        Assert.Null(MailToken.Read(MailDoor.Open, SignText(json, MailDoor.Open), _keys));
    }

    [Fact]
    public void Signed_bytes_of_any_kind_throw_nothing() =>
        Gen.Byte.Array[0, 60].Sample(bytes => Assert.Null(MailToken.Read(MailDoor.Open, SignBytes(bytes, MailDoor.Open), _keys)));

    [Fact]
    public void Members_that_a_later_version_adds_are_passed_over() =>
        Assert.Equal(new MailToken("shop", "4711") { Message = "m" },
            MailToken.Read(MailDoor.Open, SignText("""{ "z": "later", "s": "shop", "m": "m", "r": "4711", "y": [1] }""", MailDoor.Open), _keys));

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("//evil.example/")]
    [InlineData("https://shop.example@evil.example/")]
    [InlineData("https://shop.example/\\r\\nSet-Cookie: a=b")]
    [InlineData("")]
    public void A_click_that_leads_nowhere_good_is_no_token_whoever_signed_it(string target)
    {
        Assert.Null(MailToken.Read(MailDoor.Click, SignText($$"""{"s":"shop","m":"m","r":"4711","u":"{{target}}"}""", MailDoor.Click), _keys));
        Assert.Null(MailToken.Read(MailDoor.Click, SignText("""{"s":"shop","m":"m","r":"4711"}""", MailDoor.Click), _keys));
    }

    public void Dispose() => _folder.Dispose();

    private MailKeys KeysOf(params (string Id, string Secret)[] keys) => new(
        new MailOptions { KeyId = keys[0].Id, Keys = keys.ToDictionary(key => key.Id, key => key.Secret) }, new DataDirectory(_folder.Path), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<MailKeys>.Instance);

    private MailToken? Read(string text) => MailToken.Read(MailDoor.Click, text, _keys);

    private void AssertBad(string text)
    {
        foreach (var door in Enum.GetValues<MailDoor>()) Assert.Null(MailToken.Read(door, text, _keys));
    }

    private static string Sign(MailToken token, MailDoor door = MailDoor.Click) => token.Sign(door, "k1", Encoding.UTF8.GetBytes(Secret));

    private static string SignText(string payload, MailDoor door) => SignBytes(Encoding.UTF8.GetBytes(payload), door);

    // By the words of docs/mail.md, with nothing of the server's own code.
    private static string SignBytes(byte[] payload, MailDoor door)
    {
        var signed = "k1." + Base64Url.EncodeToString(payload);
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes($"{(char)door}.{signed}"));
        return $"{signed}.{Base64Url.EncodeToString(mac.AsSpan(0, 16))}";
    }
}
