using System.Collections.Frozen;
using System.Security.Cryptography;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>Whether a text has this SHA-256.</summary>
internal delegate bool KeyProof(ReadOnlySpan<byte> text, ReadOnlySpan<byte> sha256);

/// <summary>The keys by id, from a file that is looked at again when it has changed: creating, rotating and revoking need no restart.</summary>
internal sealed class ApiKeys
{
    // Stands in for the hash of a key that does not exist: whether it does must not show in the time.
    private static readonly byte[] s_nobody = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);

    private readonly ReloadedFile<FrozenDictionary<string, ApiKey>> _known;
    private readonly KeyProof _proof;

    /// <param name="options">Where the file is.</param>
    /// <param name="directory">Where it is otherwise.</param>
    /// <param name="clock">Says when to look again.</param>
    /// <param name="log">Hears of a file that cannot be read any more.</param>
    /// <param name="proof">Null for the real one; tests count what is done.</param>
    /// <exception cref="SettingException">The file that the settings name does not exist.</exception>
    /// <exception cref="InvalidDataException">The file cannot be understood.</exception>
    public ApiKeys(KeyOptions options, DataDirectory directory, TimeProvider clock, ILogger<ApiKeys> log, KeyProof? proof = null)
    {
        var file = File(options, directory);
        _proof = proof ?? Proves;
        // Without its keys a collector would turn every SDK away, and SDKs throw away what is refused.
        if (options.File.Length > 0 && !file.Exists)
            throw new SettingException("Pixel:Keys:File", options.File, "a file that exists; pixel keys create makes it");
        _known = new(file.Path, clock, () => file.Read().ToFrozenDictionary(key => key.Id, StringComparer.Ordinal),
            error => log.LogWarning("The keys cannot be read again, those that were known go on: {Error}", error));
    }

    /// <summary>The file that these settings mean.</summary>
    public static ApiKeyFile File(KeyOptions options, DataDirectory directory) =>
        new(options.File.Length > 0 ? Path.GetFullPath(options.File) : directory.KeyFile("api"));

    /// <summary>Where their last uses stand.</summary>
    public static KeyUseFile UseFile(KeyOptions options, DataDirectory directory) => new(File(options, directory).Path + "-used");

    /// <summary>
    /// The key with this text, also one that is expired or revoked; null for every other text. Hashes once and compares once, in constant
    /// time, whatever is asked for. How long the look-up of the id takes may be seen: an id is no secret.
    /// </summary>
    /// <remarks>
    /// Failed attempts are not counted and nobody is locked out: against 256 random bits guessing is hopeless at any speed, and a lock would
    /// be a way to shut out others behind the same address.
    /// </remarks>
    public ApiKey? Find(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[KeyText.Chars];
        var id = KeyText.Read(text, bytes);
        _known.Value.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var found);
        return _proof(bytes, found is null ? s_nobody : found.Sha256.Span) ? found : null;
    }

    public static bool Proves(ReadOnlySpan<byte> text, ReadOnlySpan<byte> sha256)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return CryptographicOperations.FixedTimeEquals(hash, sha256);
    }
}
