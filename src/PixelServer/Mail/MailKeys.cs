using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>
/// The secrets that sign what stands in mails, by key id. Old ones go on verifying until they are retired, because old mails are read
/// too. From the settings, or from a file of our own that is read again when it has changed: rotating needs no restart.
/// </summary>
internal sealed class MailKeys
{
    public const int MaxIdChars = 16;

    // Unknown key ids are hashed too: whether a key exists must not show in the time.
    private static readonly byte[] s_nobody = RandomNumberGenerator.GetBytes(32);

    private readonly Func<Known> _known;

    /// <exception cref="SettingException">The settings name no usable key.</exception>
    /// <exception cref="InvalidDataException">The file cannot be understood.</exception>
    public MailKeys(MailOptions options, DataDirectory directory, TimeProvider clock, ILogger<MailKeys> log)
    {
        if (IsConfigured(options))
        {
            var settings = FromSettings(options);
            _known = () => settings;
            return;
        }

        var file = new MailKeyFile(directory.KeyFile("mail"));
        file.MakeAsync(CancellationToken.None).GetAwaiter().GetResult(); // at the start, where nothing else waits
        var reloaded = new ReloadedFile<Known>(file.Path, clock, () => FromFile(file),
            error => log.LogWarning("The keys of mails cannot be read again, those that were known go on: {Error}", error));
        _known = () => reloaded.Value;
    }

    public static bool IsConfigured(MailOptions options) => options.KeyId.Length > 0 || options.Keys.Count > 0;

    /// <summary>The key that signs.</summary>
    public (string Id, byte[] Secret) Current
    {
        get
        {
            var known = _known();
            return (known.Current, known.Secrets[known.Current]);
        }
    }

    /// <summary>False for a key that does not exist or is retired; then the secret is nobody's, to be used all the same.</summary>
    public bool TryFind(ReadOnlySpan<char> id, out byte[] secret)
    {
        if (_known().Secrets.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var found))
        {
            secret = found;
            return true;
        }

        secret = s_nobody;
        return false;
    }

    private static Known FromFile(MailKeyFile file)
    {
        var keys = file.Read().Where(key => key.State != MailKeyState.Retired).ToList();
        var current = keys.FirstOrDefault(key => key.State == MailKeyState.Current)
            ?? throw new InvalidDataException($"{file.Path} has no current key: run pixel mail-keys rotate.");
        return new(current.Id, keys.ToDictionary(key => key.Id, key => Encoding.UTF8.GetBytes(key.Secret), StringComparer.Ordinal));
    }

    private static Known FromSettings(MailOptions options)
    {
        foreach (var (id, secret) in options.Keys)
        {
            if (!Regex.IsMatch(id, "^[A-Za-z0-9_-]{1,16}$")) throw new SettingException($"Pixel:Mail:Keys:{id}", "(hidden)", "a key id of 1 to 16 letters, digits, _ or -");
            if (!Regex.IsMatch(secret, "^[!-~]{32,512}$")) throw new SettingException($"Pixel:Mail:Keys:{id}", "(hidden)", "32 to 512 visible ASCII characters");
        }

        if (!options.Keys.ContainsKey(options.KeyId)) throw new SettingException("Pixel:Mail:KeyId", options.KeyId, "the id of one of Pixel:Mail:Keys");
        return new(options.KeyId, options.Keys.ToDictionary(key => key.Key, key => Encoding.UTF8.GetBytes(key.Value), StringComparer.Ordinal));
    }

    private sealed record Known(string Current, Dictionary<string, byte[]> Secrets);
}

internal enum MailKeyState { Current, Old, Retired }

/// <param name="Id">1 to 16 letters, digits, _ or -.</param>
/// <param name="Secret">43 characters of base64url, which are themselves the key.</param>
/// <param name="State">Only the current one signs; a retired one is worth nothing.</param>
internal sealed record MailKey(string Id, string Secret, MailKeyState State);

/// <summary>The file <c>keys/mail</c>: a line for each key, id, state and secret; for its owner only.</summary>
internal sealed partial class MailKeyFile(string path)
{
    // Stands in the place of a secret that nobody needs any more; its id stays, so that it is not given to another key.
    private const string Nothing = "--------------------------------";

    public string Path => path;

    /// <summary>None where there is no file.</summary>
    /// <exception cref="InvalidDataException">A line is none of ours.</exception>
    public IReadOnlyList<MailKey> Read()
    {
        if (!File.Exists(path)) return [];
        var keys = new List<MailKey>();
        foreach (var line in File.ReadAllLines(path))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            if (Line().Match(line) is not { Success: true } match || !Enum.TryParse<MailKeyState>(match.Groups["state"].Value, ignoreCase: true, out var state))
                throw new InvalidDataException($"{path}: line {keys.Count + 1} is not a key id, current, old or retired, and a secret.");
            if (keys.Any(key => key.Id == match.Groups["id"].Value)) throw new InvalidDataException($"{path}: the key {match.Groups["id"].Value} stands there twice.");
            keys.Add(new(match.Groups["id"].Value, match.Groups["secret"].Value, state));
        }

        return keys;
    }

    /// <summary>Makes the first key where there is none.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public async Task MakeAsync(CancellationToken ct)
    {
        if (!File.Exists(path)) await ChangeAsync(keys => keys.Count == 0 ? Rotated(keys) : keys, ct).ConfigureAwait(false);
    }

    /// <summary>Makes a key that signs from now on, beside those that there are.</summary>
    public async Task<MailKey> RotateAsync(CancellationToken ct) => (await ChangeAsync(Rotated, ct))[^1];

    /// <summary>Ends a key for good; its secret is forgotten.</summary>
    /// <exception cref="FormatException">There is no such key, or it is the one that signs.</exception>
    public Task RetireAsync(string id, CancellationToken ct) => ChangeAsync(keys => Find(keys, id).State == MailKeyState.Current
        ? throw new FormatException($"{id} signs: make another first, with pixel mail-keys rotate.")
        : [.. keys.Select(key => key.Id == id ? key with { State = MailKeyState.Retired } : key)], ct);

    /// <exception cref="FormatException">There is no such key.</exception>
    public static MailKey Find(IEnumerable<MailKey> keys, string id) =>
        keys.FirstOrDefault(key => key.Id == id) ?? throw new FormatException($"There is no key {Visible.Of(id)}; pixel mail-keys list shows those that there are.");

    private Task<IReadOnlyList<MailKey>> ChangeAsync(Func<IReadOnlyList<MailKey>, IReadOnlyList<MailKey>> change, CancellationToken ct) =>
        SecretFile.ChangeAsync(path, Read, change, keys => "# Signs what stands in mails. Change it with: pixel mail-keys\n"
            + string.Concat(keys.Select(key => $"{key.Id} {key.State.ToString().ToLowerInvariant()} {(key.State == MailKeyState.Retired ? Nothing : key.Secret)}\n")), ct);

    private static IReadOnlyList<MailKey> Rotated(IReadOnlyList<MailKey> keys)
    {
        var number = keys.Select(key => int.TryParse(key.Id.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).DefaultIfEmpty().Max() + 1;
        return
        [
            .. keys.Select(key => key.State == MailKeyState.Current ? key with { State = MailKeyState.Old } : key),
            new(string.Create(CultureInfo.InvariantCulture, $"k{number}"), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)), MailKeyState.Current),
        ];
    }

    [GeneratedRegex("^(?<id>[A-Za-z0-9_-]{1,16}) (?<state>[a-z]+) (?<secret>[!-~]{32,512})$")]
    private static partial Regex Line();
}
