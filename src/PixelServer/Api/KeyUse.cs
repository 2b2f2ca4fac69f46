using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>When each key was last let in: noted in memory, and written down once a minute and at the end, so that no request waits for it.</summary>
internal sealed class KeyUse(KeyUseFile file, TimeProvider clock, ILogger<KeyUse> log) : BackgroundService
{
    public static readonly TimeSpan WriteEvery = TimeSpan.FromMinutes(1);

    // Only keys that exist get here, so their number bounds both.
    private readonly ConcurrentDictionary<string, long> _seconds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _written = new(StringComparer.Ordinal);
    private bool _warned;

    public void Note(ApiKey key)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        if (!_seconds.TryGetValue(key.Id, out var noted) || noted != now) _seconds[key.Id] = now; // reading takes no lock
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!cancellationToken.IsCancellationRequested) await WriteAsync(cancellationToken); // else the loop may still be at it
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(WriteEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stoppingToken.IsCancellationRequested) await WriteAsync(stoppingToken);
        }
    }

    private async Task WriteAsync(CancellationToken ct)
    {
        try
        {
            var news = _seconds.Where(one => !_written.TryGetValue(one.Key, out var before) || before != one.Value).ToList();
            if (news.Count == 0) return;
            await file.AddAsync(news.Select(one => KeyValuePair.Create(one.Key, DateTimeOffset.FromUnixTimeSeconds(one.Value))), ct);
            foreach (var (id, seconds) in news) _written[id] = seconds;
            _warned = false;
        }
        catch (OperationCanceledException)
        {
            // Stopping in haste: a minute of "last used" is lost.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_warned) log.LogWarning("When keys were last used cannot be written to {File}: {Error}", file.Path, e.Message);
            _warned = true;
        }
    }
}

/// <summary>The file beside that of the keys: one JSON object, when each was last used by its id. Several collectors add to it.</summary>
internal sealed class KeyUseFile(string path)
{
    public string Path => path;

    /// <summary>Empty where there is no file. A damaged one is worth nothing and is replaced: nothing depends on it.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset> Read()
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<Dictionary<string, DateTimeOffset>>(File.ReadAllBytes(path)) ?? [] : [];
        }
        catch (JsonException)
        {
            return new Dictionary<string, DateTimeOffset>();
        }
    }

    /// <summary>Keeps the later time of each key.</summary>
    public async Task AddAsync(IEnumerable<KeyValuePair<string, DateTimeOffset>> uses, CancellationToken ct)
    {
        using var turn = await FileLock.TakeAsync(path, ct);
        var all = new SortedDictionary<string, DateTimeOffset>(Read().ToDictionary(), StringComparer.Ordinal);
        foreach (var (id, at) in uses)
            if (!all.TryGetValue(id, out var before) || before < at) all[id] = at;
        DataDirectory.WriteSecret(path, Encoding.UTF8.GetBytes(JsonSerializer.Serialize(all) + "\n"));
    }
}
