using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PixelServer.Ops;

namespace PixelServer.Collect;

/// <summary>
/// Closes a day's key so that it may lie in the store: AES-256-GCM under a key that is not there, with the day as associated data. A version
/// byte, 12 bytes of nonce, the 32 bytes, 16 of tag.
/// </summary>
internal sealed class DailySeal
{
    private const byte Version = 1;
    private const int NonceLength = 12, TagLength = 16, Length = 1 + NonceLength + DailyKey.Length + TagLength;

    private readonly byte[] _key;

    /// <param name="secret">What only collectors know that are to have the same visitors.</param>
    public DailySeal(ReadOnlySpan<byte> secret)
    {
        _key = new byte[32];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, _key, salt: [], info: "pixel daily visitors"u8);
    }

    /// <summary>From the secret that collectors share, or from the key of cookies in the data directory where there is none.</summary>
    /// <param name="shared"><c>Pixel:CookieKey</c>; may be empty.</param>
    /// <param name="directory">Asked only where <paramref name="shared"/> is empty.</param>
    public static DailySeal Of(string shared, Func<DataDirectory> directory) =>
        new(shared.Length > 0 ? Encoding.UTF8.GetBytes(shared) : directory().Key("cookie", 32));

    public byte[] Close(DailyKey key)
    {
        var wrapped = new byte[Length];
        wrapped[0] = Version;
        RandomNumberGenerator.Fill(wrapped.AsSpan(1, NonceLength));
        using var aes = new AesGcm(_key, TagLength);
        key.Read(bytes => aes.Encrypt(wrapped.AsSpan(1, NonceLength), bytes.Span, wrapped.AsSpan(1 + NonceLength, DailyKey.Length), wrapped.AsSpan(Length - TagLength), Bound(key.Day)));
        return wrapped;
    }

    /// <summary>Null where it was closed with another secret, for another day, or altered.</summary>
    public DailyKey? Open(DateOnly day, byte[] wrapped)
    {
        if (wrapped.Length != Length || wrapped[0] != Version) return null;
        using var aes = new AesGcm(_key, TagLength);
        try
        {
            return DailyKey.Shared(day, bytes => aes.Decrypt(
                wrapped.AsSpan(1, NonceLength), wrapped.AsSpan(1 + NonceLength, DailyKey.Length), wrapped.AsSpan(Length - TagLength), bytes.Span, Bound(day)));
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private static byte[] Bound(DateOnly day) => Encoding.ASCII.GetBytes(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
}
