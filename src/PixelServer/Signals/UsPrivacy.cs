namespace PixelServer.Signals;

/// <summary>The older signal of American law, four characters such as <c>1YNN</c>: version, notice given, opted out of sale, service provider agreement.</summary>
/// <param name="Notice">Y, N, or - where the law does not apply.</param>
/// <param name="OptedOut">As <paramref name="Notice"/>.</param>
/// <param name="Lspa">As <paramref name="Notice"/>.</param>
internal readonly record struct UsPrivacy(char Notice, char OptedOut, char Lspa)
{
    public bool IsOptOut => OptedOut == 'Y';

    /// <summary>Null for what is none.</summary>
    public static UsPrivacy? Read(ReadOnlySpan<byte> text) =>
        text.Length == 4 && text[0] == '1' && Letter(text[1]) is { } notice && Letter(text[2]) is { } sale && Letter(text[3]) is { } lspa ? new(notice, sale, lspa) : null;

    private static char? Letter(byte c) => (char)c switch { 'Y' or 'y' => 'Y', 'N' or 'n' => 'N', '-' => '-', _ => null };
}
