using System.Text.Json;

namespace PixelServer.Tests.EndToEnd;

/// <summary>
/// Knows what every client was told about every event, and judges the store by it: what was acknowledged is there, once and
/// unchanged; what was refused is not; what nobody answered may be there, but once at most.
/// </summary>
internal sealed class Oracle
{
    private readonly Lock _lock = new();
    private readonly HashSet<string> _acknowledged = [], _refused = [], _unknown = [];
    private int _acknowledgedCount;

    public int Acknowledged => Volatile.Read(ref _acknowledgedCount);
    public int Refused { get { lock (_lock) return _refused.Count; } }
    public int Unknown { get { lock (_lock) return _unknown.Count; } }

    /// <param name="ids">The events of one request.</param>
    /// <param name="status">Of its answer; <see cref="Wire.NoAnswer"/> where none came.</param>
    public void Told(IEnumerable<string> ids, int status)
    {
        lock (_lock)
        {
            var fate = status switch { >= 200 and < 300 => _acknowledged, Wire.NoAnswer => _unknown, _ => _refused };
            fate.UnionWith(ids);
            Volatile.Write(ref _acknowledgedCount, _acknowledged.Count);
        }
    }

    /// <param name="rows">Client event id, name, user id, url, properties of every row of the clients.</param>
    /// <returns>How many of the unknown were stored.</returns>
    public int Judge(IReadOnlyList<StoredSample> rows)
    {
        lock (_lock)
        {
            var stored = rows.CountBy(row => row.Id).ToDictionary();
            Assert.Empty(_acknowledged.Where(id => !stored.ContainsKey(id)).Take(10)); // lost
            Assert.Empty(stored.Where(one => one.Value > 1).Take(10)); // doubled
            Assert.Empty(stored.Keys.Where(id => !_acknowledged.Contains(id) && !_unknown.Contains(id)).Take(10)); // refused, or nobody's
            Assert.Empty(rows.Where(row => !row.IsWhole).Take(10)); // changed
            return stored.Keys.Count(_unknown.Contains);
        }
    }
}

/// <summary>The columns of one row of <c>events</c> that a <see cref="Sample"/> fills.</summary>
internal sealed record StoredSample(string Id, string Name, string? User, string? Url, string? Properties)
{
    /// <summary>Equal to what its id says was sent, and to the hash that travelled with it.</summary>
    public bool IsWhole
    {
        get
        {
            using var properties = JsonDocument.Parse(Properties ?? "{}");
            if (!properties.RootElement.TryGetProperty("note", out var note) || !properties.RootElement.TryGetProperty("hash", out var hash)) return false;
            var read = new Sample(Id, Name, User ?? "", Url ?? "", note.GetString() ?? "");
            return read == Sample.Of(Id) && read.Hash == hash.GetString() && properties.RootElement.EnumerateObject().Count() == 2;
        }
    }
}
