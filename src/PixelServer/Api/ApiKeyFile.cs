using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>The file of the keys: a line of JSON for each, with the SHA-256 of its text; for its owner only. Revoked keys stay in it.</summary>
internal sealed class ApiKeyFile(string path)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.Default,
        // A misspelt limit must not become no limit.
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    public string Path => path;
    public bool Exists => File.Exists(path);

    /// <summary>None where there is no file.</summary>
    /// <exception cref="InvalidDataException">A line is none of ours.</exception>
    public IReadOnlyList<ApiKey> Read()
    {
        if (!Exists) return [];
        var (keys, ids, number) = (new List<ApiKey>(), new HashSet<string>(StringComparer.Ordinal), 0);
        foreach (var line in File.ReadAllLines(path, Encoding.UTF8))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var key = Parse(line, out var fault);
            fault ??= ids.Add(key!.Id) ? null : $"the id {key.Id} stands there twice";
            if (fault is not null) throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"{path}: line {number} is not a key: {fault}. Restore the file, or take the line out."));
            keys.Add(key!);
        }

        return keys;
    }

    /// <summary>Adds a key of a new id.</summary>
    /// <param name="like">Everything but id, hash and age.</param>
    /// <param name="now">When.</param>
    /// <param name="ct">Gives up waiting for another process that changes the file.</param>
    /// <returns>The key and its text, which is written down nowhere.</returns>
    public async Task<(ApiKey Key, string Text)> CreateAsync(ApiKey like, DateTimeOffset now, CancellationToken ct)
    {
        var text = "";
        var after = await ChangeAsync(keys =>
        {
            (var made, text) = Made(like, keys, now);
            return [.. keys, made];
        }, ct);
        return (after[^1], text);
    }

    /// <summary>Ends a key for good; what it is stays known.</summary>
    /// <exception cref="FormatException">There is no such key.</exception>
    public Task RevokeAsync(string id, DateTimeOffset now, CancellationToken ct) => ChangeAsync(keys =>
    {
        var found = Find(keys, id);
        return found.RevokedAt is null ? Replaced(keys, found with { RevokedAt = now }) : keys;
    }, ct);

    /// <summary>Makes another key with the same settings; the old one ends after <paramref name="keep"/>, or when it would have ended anyway.</summary>
    /// <exception cref="FormatException">There is no such key, or it has ended.</exception>
    public async Task<(ApiKey Old, ApiKey Key, string Text)> RotateAsync(string id, TimeSpan keep, DateTimeOffset? expiresAt, DateTimeOffset now, CancellationToken ct)
    {
        var text = "";
        var after = await ChangeAsync(keys =>
        {
            var old = Find(keys, id);
            if (old.State(now) is not KeyState.Active and var state)
                throw new FormatException($"The key {id} is {state.ToString().ToLowerInvariant()} already: make a new one with pixel keys create.");
            (var made, text) = Made(old with { ExpiresAt = expiresAt ?? old.ExpiresAt }, keys, now);
            var end = now + keep;
            return [.. Replaced(keys, old with { ExpiresAt = old.ExpiresAt < end ? old.ExpiresAt : end }), made];
        }, ct);
        return (Find(after, id), after[^1], text);
    }

    private static ApiKey Find(IEnumerable<ApiKey> keys, string id) => keys.FirstOrDefault(key => key.Id == id)
        ?? throw new FormatException($"There is no key {(KeyText.IsId(id) ? id : "of this id")}; pixel keys list shows those that there are.");

    private static IReadOnlyList<ApiKey> Replaced(IEnumerable<ApiKey> keys, ApiKey changed) => [.. keys.Select(key => key.Id == changed.Id ? changed : key)];

    private static (ApiKey Key, string Text) Made(ApiKey like, IReadOnlyList<ApiKey> others, DateTimeOffset now)
    {
        string id;
        do id = KeyText.NewId(); while (others.Any(key => key.Id == id));
        var text = KeyText.Make(like.Kind, id);
        return (like with { Id = id, Sha256 = KeyText.Hash(text), CreatedAt = now, RevokedAt = null }, text);
    }

    private Task<IReadOnlyList<ApiKey>> ChangeAsync(Func<IReadOnlyList<ApiKey>, IReadOnlyList<ApiKey>> change, CancellationToken ct) =>
        SecretFile.ChangeAsync(path, Read, change, keys => string.Concat(keys.Select(key => JsonSerializer.Serialize(Line.Of(key), s_json) + "\n")), ct);

    private static ApiKey? Parse(string json, out string? fault)
    {
        try
        {
            var key = JsonSerializer.Deserialize<Line>(json, s_json)?.Key();
            fault = key is null ? "it is null" : Fault(key);
            return key;
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            fault = "it is no JSON object with the members of a key"; // the parser's own words may hold a piece of the line
            return null;
        }
    }

    /// <summary>What is wrong with a key that somebody wants, in a few words; null if nothing is.</summary>
    public static string? Fault(ApiKey key) => key switch
    {
        _ when !KeyText.IsId(key.Id) => $"its id is not {KeyText.IdChars} letters a to z and digits 2 to 7",
        _ when !Sites.IsId(key.Site) => "its site is not 1 to 64 letters, digits, dots, underscores or hyphens",
        _ when key.Sha256.Length != 32 => "its sha256 is not 64 hex digits",
        { Name.Length: > ApiKey.MaxNameChars } => $"its name is longer than {ApiKey.MaxNameChars} characters",
        { RequestsPerSecond: < 1 or > KeyOptions.MaxRequestsPerSecond } => $"its rate is not 1 to {KeyOptions.MaxRequestsPerSecond} requests per second",
        { Kind: KeyKind.Secret, Origins.Count: > 0 } => "a secret key has no origins, because it is never used in a page",
        { Origins.Count: > ApiKey.MaxOrigins } => $"it has more than {ApiKey.MaxOrigins} origins",
        _ when !key.Origins.All(Origins.IsPattern) => "an origin of it is not one such as https://example.com or https://*.example.com",
        _ => null,
    };

    private sealed record Line
    {
        public required string Id { get; init; }
        public required KeyKind Kind { get; init; }
        public required string Site { get; init; }
        public string? Name { get; init; }
        public required string Sha256 { get; init; }
        public required DateTimeOffset Created { get; init; }
        public DateTimeOffset? Expires { get; init; }
        public DateTimeOffset? Revoked { get; init; }
        public IReadOnlyList<string>? Origins { get; init; }
        public int? RequestsPerSecond { get; init; }

        public static Line Of(ApiKey key) => new()
        {
            Id = key.Id,
            Kind = key.Kind,
            Site = key.Site,
            Name = key.Name.Length > 0 ? key.Name : null,
            Sha256 = Convert.ToHexStringLower(key.Sha256.Span),
            Created = key.CreatedAt,
            Expires = key.ExpiresAt,
            Revoked = key.RevokedAt,
            Origins = key.Origins.Count > 0 ? key.Origins : null,
            RequestsPerSecond = key.RequestsPerSecond,
        };

        public ApiKey Key() => new()
        {
            Id = Id ?? "",
            Kind = Kind,
            Site = Site ?? "",
            Name = Name ?? "",
            Sha256 = Convert.FromHexString(Sha256 ?? ""),
            CreatedAt = Created,
            ExpiresAt = Expires,
            RevokedAt = Revoked,
            Origins = Origins is null ? [] : [.. Origins.Select(origin => origin ?? "")],
            RequestsPerSecond = RequestsPerSecond,
        };
    }
}
