using System.Buffers;

namespace PixelServer.Signals;

/// <summary>Reads numbers, most significant bit first, from text in which each character is six bits. Behind the end there are only zeros, and <see cref="IsShort"/>.</summary>
internal ref struct BitReader(ReadOnlySpan<byte> text, int at = 0)
{
    private static readonly SearchValues<byte> s_url = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);
    private static readonly SearchValues<byte> s_both = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"u8);

    private readonly ReadOnlySpan<byte> _text = text;

    /// <summary>The bit that is read next.</summary>
    public int At { get; private set; } = at;

    /// <summary>More was asked for than there is.</summary>
    public bool IsShort { get; private set; }

    private readonly int Left => (_text.Length * 6) - At;

    /// <summary>Whether every character is one of base64url; GPP's own table prints <c>+</c> and <c>/</c> and its encoders write <c>-</c> and <c>_</c>.</summary>
    public static bool IsText(ReadOnlySpan<byte> text, bool alsoPlain = false) => !text.ContainsAnyExcept(alsoPlain ? s_both : s_url);

    /// <param name="bits">At most 36.</param>
    public long Long(int bits)
    {
        if (bits > Left) return Short();
        var value = 0L;
        while (bits > 0)
        {
            var (index, used) = (At / 6, At % 6);
            var take = Math.Min(6 - used, bits);
            var sextet = Sextet(_text[index]);
            value = (value << take) | (uint)((sextet >> (6 - used - take)) & ((1 << take) - 1));
            At += take;
            bits -= take;
        }

        return value;
    }

    /// <param name="bits">At most 31.</param>
    public int Int(int bits) => (int)Long(bits);

    public bool Bit() => Long(1) == 1;

    public void Skip(int bits)
    {
        if (bits > Left) Short();
        else At += bits;
    }

    /// <summary>A number in Fibonacci coding: a sum of 1, 2, 3, 5, 8…, least first, ended by a second 1. 0 where it does not end or is no id.</summary>
    public int Fibonacci()
    {
        var (sum, one, next, last) = (0, 1, 2, false);
        while (true)
        {
            var bit = Bit();
            if (IsShort) return 0;
            if (bit && last) return sum;
            last = bit;
            if (bit) sum += one;
            (one, next) = (next, one + next);
            if (one <= ushort.MaxValue) continue;
            IsShort = true; // no id has as many digits
            return 0;
        }
    }

    private long Short()
    {
        At = _text.Length * 6;
        IsShort = true;
        return 0;
    }

    private static int Sextet(byte c) => c switch
    {
        >= (byte)'a' => c - 'a' + 26,
        (byte)'_' or (byte)'/' => 63,
        >= (byte)'A' => c - 'A',
        >= (byte)'0' => c - '0' + 52,
        _ => 62,
    };
}
