using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PixelServer.Ops;

namespace PixelServer;

/// <summary>What names a person or a device. The values are part of a hash that is on disk: append, never renumber.</summary>
internal enum SubjectKind : byte
{
    /// <summary>A <see cref="Hit.VisitorId"/> that lives longer than a day.</summary>
    Visitor = 1,

    /// <summary>The site's own id of the person.</summary>
    User = 2,

    /// <summary>Lower-case hex SHA-256 of a normalised address.</summary>
    Email = 3,

    /// <summary>Lower-case hex SHA-256 of a telephone number as E.164 has it.</summary>
    Phone = 4,

    /// <summary>Lower-case hex SHA-256 of another system's id of the person.</summary>
    ExternalId = 5,

    /// <summary>An id that an app's SDK has of the device, in lower case.</summary>
    Device = 6,
}

/// <summary>The words for these in SQL, in answers and on the command line.</summary>
internal static class SubjectKinds
{
    public const string Visitor = "visitor", User = "user", Email = "email", Phone = "phone", ExternalId = "external_id", Device = "device";

    public static string Word(this SubjectKind kind) => kind switch
    {
        SubjectKind.Visitor => Visitor,
        SubjectKind.User => User,
        SubjectKind.Email => Email,
        SubjectKind.Phone => Phone,
        SubjectKind.ExternalId => ExternalId,
        SubjectKind.Device => Device,
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>Null where it is another word.</summary>
    public static SubjectKind? Of(string word) => word switch
    {
        Visitor => SubjectKind.Visitor,
        User => SubjectKind.User,
        Email => SubjectKind.Email,
        Phone => SubjectKind.Phone,
        ExternalId => SubjectKind.ExternalId,
        Device => SubjectKind.Device,
        _ => null,
    };
}

/// <summary>
/// Turns identifiers into what may be kept of somebody who is to be forgotten: 16 bytes of HMAC-SHA256 over site, kind and identifier. Without
/// the key nobody can try identifiers out.
/// </summary>
internal sealed class SubjectKeys
{
    /// <summary>Of the key in the data directory.</summary>
    public const string FileName = "subjects";

    private const int MaxStack = 512;

    [ThreadStatic] private static IncrementalHash? t_mac;
    [ThreadStatic] private static byte[]? t_macKey;

    private readonly byte[] _key;

    /// <param name="key">32 bytes, the same at all collectors of one store.</param>
    public SubjectKeys(byte[] key) => _key = key;

    /// <summary>From the secret that collectors share, or from the data directory where there is none.</summary>
    /// <param name="shared"><c>Pixel:CookieKey</c>; may be empty.</param>
    /// <param name="directory">Asked only where <paramref name="shared"/> is empty.</param>
    public static SubjectKeys Of(string shared, Func<DataDirectory> directory) => new(shared.Length > 0
        ? HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(shared), 32, info: "pixel subjects"u8.ToArray())
        : directory().Key(FileName, 32));

    public UInt128 Of(string site, Guid visitor)
    {
        Span<char> text = stackalloc char[36];
        visitor.TryFormat(text, out _, "D");
        return Of(site, SubjectKind.Visitor, text);
    }

    /// <summary>A visitor's id is given in the form <c>D</c>, lower case.</summary>
    public UInt128 Of(string site, SubjectKind kind, ReadOnlySpan<char> id)
    {
        // A site id cannot hold a zero byte: no two triples make the same bytes.
        var most = Encoding.UTF8.GetMaxByteCount(site.Length + id.Length) + 2;
        var bytes = most <= MaxStack ? stackalloc byte[MaxStack] : new byte[most];
        var length = Encoding.UTF8.GetBytes(site, bytes);
        bytes[length++] = 0;
        bytes[length++] = (byte)kind;
        length += Encoding.UTF8.GetBytes(id, bytes[length..]);

        if (t_mac is null || t_macKey != _key)
        {
            t_mac?.Dispose();
            (t_mac, t_macKey) = (IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key), _key);
        }

        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        t_mac.AppendData(bytes[..length]);
        t_mac.GetHashAndReset(hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
