using CsCheck;
using PixelServer.Ops;

namespace PixelServer.Tests.Ops;

public sealed class VisibleTests
{
    [Theory]
    [InlineData("plain text, ümlauts and 😀", "plain text, ümlauts and 😀")]
    [InlineData("a\r\nb", @"a\u000d\u000ab")]
    [InlineData("\u001b[2J", @"\u001b[2J")]
    [InlineData("\u009b2J", @"\u009b2J")]
    [InlineData("a\u2028b\u2029c\u0085d", @"a\u2028b\u2029c\u0085d")]
    [InlineData("\u202egnp.exe", @"\u202egnp.exe")]
    public void Only_what_could_act_on_a_terminal_is_replaced(string text, string visible) => Assert.Equal(visible, Visible.Of(text));

    [Fact]
    public void Half_a_surrogate_pair_is_replaced_and_a_whole_one_is_not() // no inline data: attributes hold only whole ones
    {
        Assert.Equal(@"half \ud83d pair", Visible.Of("half \ud83d pair"));
        Assert.Equal(@"\ude00\ud83d", Visible.Of("\ude00\ud83d"));
    }

    [Fact]
    public void Whatever_comes_in_nothing_comes_out_that_ends_a_line_or_moves_a_cursor() =>
        Gen.Char.Array[0, 40].Select(chars => new string(chars)).Sample(text =>
            Visible.Of(text).All(c => !char.IsControl(c) && c is not ('\u2028' or '\u2029')) && Visible.Of(Visible.Of(text)) == Visible.Of(text));
}
