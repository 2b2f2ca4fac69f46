using System.Buffers.Text;
using System.Security.Cryptography;
using CsCheck;
using PixelServer.Mail;

namespace PixelServer.Tests.Mail;

public sealed class MailIdTests
{
    [Theory]
    [InlineData("4711")]
    [InlineData("autumn-2026")]
    [InlineData("7f3e2a10-9c4b-4d1e-8a77-0123456789ab")]
    [InlineData("01J9ZK3Q2W5X8Y7R6T4V3N2M1K")] // a ULID
    [InlineData("customer:4711/eu")]
    [InlineData("Kunde Müller")]
    [InlineData("客户 17")]
    [InlineData("Black Friday 🛒")]
    [InlineData("100% wool")]
    [InlineData("newsletter-2026-11-24a")] // 22 characters, as an MD5 in base64 has
    [InlineData("Newsletter-November-24")]
    [InlineData("newsletter-2026-11-24-autumn-sale-austria-a")] // 43, as a SHA-256 has
    [InlineData("deadbeef")]
    [InlineData("1234567890123456789012345678901")] // 31 digits
    public void An_id_of_the_senders_own_may_stand_in_a_link(string id) => Assert.Null(MailId.Fault("recipient_id", id));

    [Theory]
    [InlineData("reader@mail.example")]
    [InlineData("@")]
    [InlineData("Reader <reader@mail.example>")]
    [InlineData("reader＠mail.example")]
    [InlineData("reader﹫mail.example")]
    [InlineData("reader%40mail.example")]
    [InlineData("reader%2540mail.example")]
    [InlineData("reader%25252540mail.example")]
    [InlineData("reader%EF%BC%A0mail.example")]
    [InlineData("reader&#64;mail.example")]
    [InlineData("cmVhZGVyQG1haWwuZXhhbXBsZQ==")]
    [InlineData("cmVhZGVyQG1haWwuZXhhbXBsZQ")]
    public void An_address_may_not_however_it_is_written(string id) =>
        Assert.Contains("Use an id of your own", MailId.Fault("recipient_id", id), StringComparison.Ordinal);

    public static TheoryData<string> Hashes()
    {
        var address = "reader@mail.example"u8.ToArray();
        var hashes = new TheoryData<string>();
        foreach (var length in (int[])[16, 20, 28, 32, 48, 64]) // MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512: their bytes look all the same
        {
            var hash = SHA512.HashData(address)[..length];
            hashes.Add(Convert.ToHexStringLower(hash));
            hashes.Add(Convert.ToHexString(hash));
            hashes.Add(Convert.ToBase64String(hash));
            hashes.Add(Base64Url.EncodeToString(hash));
        }

        hashes.Add("sha256:" + Convert.ToHexStringLower(SHA256.HashData(address)));
        hashes.Add("md5-" + Convert.ToHexStringLower(SHA256.HashData(address)[..16]) + "-user");
        return hashes;
    }

    [Theory]
    [MemberData(nameof(Hashes))]
    public void Nor_may_a_plain_hash_of_one(string id) => Assert.NotNull(MailId.Fault("recipient_id", id));

    // In base64 one of 10,000 looks like a name.
    [Fact]
    public void Nor_may_the_hash_of_anything()
    {
        var hashes = Enumerable.Range(0, 2_000).Select(i => SHA256.HashData(BitConverter.GetBytes(i))).ToList();

        Assert.All(hashes, hash => Assert.NotNull(MailId.Fault("x", Convert.ToHexStringLower(hash))));
        Assert.InRange(hashes.Count(hash => MailId.Fault("x", Base64Url.EncodeToString(hash)) is null), 0, 5);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\nb")]
    [InlineData("a\0")]
    [InlineData("\u0085")]
    public void Nothing_and_control_characters_are_no_id(string id) => Assert.NotNull(MailId.Fault("recipient_id", id));

    [Fact]
    public void Half_a_surrogate_pair_and_129_characters_are_none_either()
    {
        Assert.NotNull(MailId.Fault("recipient_id", "a\ud83d"));
        Assert.NotNull(MailId.Fault("recipient_id", "\udc62a"));
        Assert.NotNull(MailId.Fault("recipient_id", new string('x', MailId.MaxChars + 1)));
        Assert.Null(MailId.Fault("recipient_id", new string('x', MailId.MaxChars)));
    }

    [Fact]
    public void Any_text_is_judged_without_an_exception_and_the_judgement_never_repeats_it() =>
        Gen.String[0, 140].Sample(id => Assert.DoesNotContain(id.Length > 60 ? id : "\u0001", MailId.Fault("name", id) ?? "", StringComparison.Ordinal));
}
