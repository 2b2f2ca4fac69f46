namespace PixelServer.Enrich;

/// <summary>Remembers what <see cref="Client.Read"/> found: a few thousand user agents make nearly all of a site's traffic.</summary>
/// <remarks>
/// A fixed table of pairs of slots: bounded in entries by its size and in bytes by <see cref="MaxRemembered"/> (8,192 keys of at most
/// 512 characters are 8 MiB of text), whatever visitors send. A newcomer takes the first slot of its pair and moves what was there to the
/// second, so that two common user agents with one place do not push each other out. Safe on any number of threads without
/// a lock: an entry never changes, and whoever loses a race only computes again. String hashes are keyed per process, so nobody
/// outside can aim at a slot.
/// </remarks>
internal sealed class UserAgents
{
    /// <summary>How much of a user agent is looked at; real ones, in-app browsers included, stay below 600 characters.</summary>
    public const int MaxParsed = 1_024;

    /// <summary>Longest user agent with its hints that is remembered, in characters.</summary>
    public const int MaxRemembered = 512;

    private const int Slots = 8_192;

    private readonly Entry?[] _entries = new Entry?[Slots];

    public Client Read(in ClientKey key)
    {
        if (key.Length > MaxRemembered) return Client.Read(key);

        var first = key.GetHashCode() & (Slots - 1);
        var second = first ^ 1;
        var entry = _entries[first];
        if (entry is not null && entry.Key == key) return entry.Client;
        if (_entries[second] is { } other && other.Key == key) return other.Client;

        var client = Client.Read(key);
        _entries[second] = entry;
        _entries[first] = new Entry(key, client);
        return client;
    }

    private sealed record Entry(ClientKey Key, Client Client);
}
