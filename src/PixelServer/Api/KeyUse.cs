using System.Collections.Concurrent;

namespace PixelServer.Api;

/// <summary>When each key was last admitted.</summary>
internal sealed class KeyUse(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, long> _seconds = new(StringComparer.Ordinal);

    public void Note(ApiKey key) => _seconds[key.Id] = clock.GetUtcNow().ToUnixTimeSeconds();
}
