using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace PixelServer.Ops;

/// <summary>
/// Who may read what visitors did: whoever shows the one token. It is configured, or made at the first start and shown
/// once; on disk stands only its SHA-256, which is enough because the token has 256 random bits.
/// </summary>
internal sealed class AdminToken
{
    private const string FileName = "admin-token";
    private const int RandomBytes = 32;
    private readonly byte[] _hash;

    private AdminToken(byte[] hash, string? made)
    {
        _hash = hash;
        JustMade = made;
    }

    /// <summary>The token in clear, only in the run that made it; null otherwise.</summary>
    public string? JustMade { get; }

    /// <summary>The configured token, else the kept one, else a new one that is not kept yet.</summary>
    /// <exception cref="IOException">The file holds something else, or cannot be read.</exception>
    public static AdminToken Load(string configured, DataDirectory directory)
    {
        if (configured.Length > 0) return new(Hash(configured), null);
        var file = directory.KeyFile(FileName);
        if (!File.Exists(file)) return Make();
        try
        {
            return Convert.FromHexString(File.ReadAllText(file).Trim()) is { Length: SHA256.HashSizeInBytes } hash ? new(hash, null) : throw new FormatException();
        }
        catch (FormatException)
        {
            throw new IOException($"The file {file} does not hold the hash of an admin token: run the verb admin-token to make a new one.");
        }
    }

    /// <summary>A new token, in memory only until <see cref="Keep"/>.</summary>
    public static AdminToken Make()
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));
        return new(Hash(token), token);
    }

    /// <summary>Puts a token that was just made on disk: only when it is about to be shown, else a start that fails would use it up unseen.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Keep(DataDirectory directory)
    {
        if (JustMade is not null)
            DataDirectory.WriteSecret(directory.KeyFile(FileName), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(_hash) + "\n"));
    }

    /// <summary>Takes the same time for every wrong token of one length.</summary>
    public bool Verify(string? token) => token is not null && CryptographicOperations.FixedTimeEquals(Hash(token), _hash);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
