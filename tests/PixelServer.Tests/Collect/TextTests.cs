using System.Text;
using CsCheck;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

public sealed class TextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a+b", "a b")]
    [InlineData("a%20b", "a b")]
    [InlineData("%C3%A9", "é")]
    [InlineData("%f0%9f%98%80", "😀")]
    [InlineData("100%", "100%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz%41", "%zzA")]
    [InlineData("%2541", "%41")] // decoded once, never twice
    [InlineData("%00", "\ufffd")]
    [InlineData("a\0b", "a\ufffdb")]
    [InlineData("%ff", "\ufffd")]
    [InlineData("%C3", "\ufffd")]
    [InlineData("%C3%28", "\ufffd(")]
    [InlineData("%ED%A0%80", "\ufffd\ufffd\ufffd")] // a surrogate written as UTF-8
    [InlineData("%C0%80", "\ufffd\ufffd")] // the overlong NUL
    [InlineData("é%41", "éA")]
    [InlineData("", "")]
    public void Percent_encoding_is_decoded_once_and_mended(string raw, string expected) => Assert.Equal(expected, Decode(raw));

    [Fact]
    public void A_lone_surrogate_becomes_the_replacement_character()
    {
        Assert.Equal("a\ufffd", Decode("a\ud800"));
        Assert.Equal("a\ufffdb", Text.Mended("a\udc00b"));
        Assert.Equal("\ufffd", Text.Mended("\0"));
    }

    [Fact]
    public void What_was_encoded_comes_back() => Gen.String.Sample(text =>
    {
        var mended = Text.Mended(text);
        return Decode(Uri.EscapeDataString(mended)) == mended;
    });

    [Fact]
    public void Whatever_comes_decoding_gives_well_formed_text_and_mending_it_changes_nothing() =>
        Gen.OneOf(Gen.String, Gen.OneOf("%", "%0", "%00", "%ED%A0%80", "%80", "+", "\0", "\ud800", "a", "%41", "é").Array[0, 20].Select(string.Concat))
            .Sample(raw =>
            {
                var text = Decode(raw);
                return Strict(text) && !text.Contains('\0') && Text.Mended(text) == text;
            });

    [Fact]
    public void Plain_text_is_text_that_decoding_leaves_alone() =>
        Gen.String[Gen.Char[' ', '~'], 0, 20].Sample(raw => !Text.IsPlain(raw) || Decode(raw) == raw);

    [Fact]
    public void A_long_header_is_cut_and_never_through_a_pair()
    {
        Assert.Equal(Limits.HeaderChars, Text.Header(new string('a', Limits.HeaderChars + 1), Limits.HeaderChars)!.Length);
        var pair = new string('a', Limits.HeaderChars - 1) + "😀";
        Assert.Equal(pair[..^2], Text.Header(pair, Limits.HeaderChars));
        Assert.Null(Text.Header("", Limits.HeaderChars));
    }

    internal static bool Strict(string text) =>
        new UTF8Encoding(false, throwOnInvalidBytes: true) is var utf8 && utf8.GetString(Encoding.UTF8.GetBytes(text)) == text;

    private static string Decode(string raw)
    {
        var scratch = Array.Empty<byte>();
        return Encoding.UTF8.GetString(Text.Decode(raw, ref scratch));
    }
}
