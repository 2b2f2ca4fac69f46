using PixelServer.Journal;

namespace PixelServer.Tests.Support;

/// <summary>
/// A file system in memory that keeps what was flushed and, at a crash, any subset of the 512-byte sectors of what was not; of
/// creations, renames, cuts and deletions that no directory flush covers it keeps any beginning. It can be told to fail.
/// </summary>
internal sealed class SimulatedDisk : IDisk
{
    private const int Sector = 512;
    private readonly Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];
    private readonly List<Action<Dictionary<string, Content>>> _pendingNames = [];

    /// <summary>Called before each write and each flush; throws to make it fail.</summary>
    public Action<string>? Before { get; set; }

    public long Free { get; set; } = 1L << 40;

    public int Flushes { get; private set; }

    public IReadOnlyList<string> List(string directory) =>
        [.. _names.Keys.Where(path => Path.GetDirectoryName(path) == directory).Select(path => Path.GetFileName(path))];

    public void CreateDirectory(string directory) { }

    public IDiskFile Create(string path, long size)
    {
        Before?.Invoke("create");
        if (_names.ContainsKey(path)) throw new IOException("exists");
        var content = new Content(this, size);
        Name(names => names[path] = content);
        return content;
    }

    public IDiskFile OpenRead(string path) => _names.TryGetValue(path, out var content) ? content : throw new FileNotFoundException(path);

    public IDiskFile OpenWrite(string path) => OpenRead(path);

    public void Rename(string from, string to) => Name(names =>
    {
        if (names.Remove(from, out var content)) names[to] = content;
    });

    public void Copy(string from, string to) => Name(names => names[to] = names[from].Clone());

    public void Delete(string path) => Name(names => names.Remove(path));

    public void FlushDirectory(string directory)
    {
        Before?.Invoke("flush");
        _durableNames = new(_names);
        _pendingNames.Clear();
    }

    public long FreeBytes(string directory) => Free;

    /// <summary>The bytes of a file, to damage them.</summary>
    public byte[] this[string path]
    {
        get => _names[path].Bytes;
        set => _names[path] = _durableNames[path] = new Content(this, value);
    }

    /// <summary>Power is cut: what was not flushed survives in part, at the choice of <paramref name="random"/>.</summary>
    public void Crash(Random random)
    {
        foreach (var operation in _pendingNames.Take(random.Next(_pendingNames.Count + 1))) operation(_durableNames);
        _pendingNames.Clear();
        _names.Clear();
        foreach (var (path, content) in _durableNames) _names[path] = content;
        foreach (var content in _durableNames.Values.Distinct()) content.Crash(random);
    }

    private void Name(Action<Dictionary<string, Content>> change)
    {
        change(_names);
        _pendingNames.Add(change);
    }

    private sealed class Content(SimulatedDisk disk, byte[] bytes) : IDiskFile
    {
        private readonly HashSet<int> _dirty = [];
        private byte[] _durable = [.. bytes];

        public Content(SimulatedDisk disk, long size) : this(disk, new byte[size]) { }

        public byte[] Bytes { get; private set; } = [.. bytes];

        public long Length => Bytes.Length;

        public int Read(long position, Span<byte> buffer)
        {
            if (position >= Bytes.Length) return 0;
            // Short reads are legal: one is made of every long one.
            var count = (int)Math.Min(Math.Min(buffer.Length, Bytes.Length - position), 100_000);
            Bytes.AsSpan((int)position, count).CopyTo(buffer);
            return count;
        }

        public void Write(long position, ReadOnlySpan<byte> content)
        {
            disk.Before?.Invoke("write");
            content.CopyTo(Bytes.AsSpan((int)position));
            for (var sector = (int)position / Sector; sector <= ((int)position + content.Length - 1) / Sector; sector++) _dirty.Add(sector);
        }

        public void Flush()
        {
            disk.Flushes++;
            try
            {
                disk.Before?.Invoke("flush");
            }
            catch (IOException)
            {
                // As Linux does it: some pages got there, the others are marked clean, so that the next flush has nothing to
                // write and succeeds.
                if (disk.Flushes % 2 == 0) foreach (var sector in _dirty) Keep(sector);
                _dirty.Clear();
                throw;
            }

            Array.Resize(ref _durable, Bytes.Length);
            foreach (var sector in _dirty) Keep(sector);
            _dirty.Clear();
        }

        public void Truncate(long length)
        {
            var bytes = Bytes;
            Array.Resize(ref bytes, (int)length);
            Bytes = bytes;
        }

        public Content Clone() => new(disk, Bytes);

        public void Crash(Random random)
        {
            // A cut that was not flushed may or may not have happened.
            if (Bytes.Length != _durable.Length && random.Next(2) == 0) Array.Resize(ref _durable, Bytes.Length);
            foreach (var sector in _dirty)
                if (random.Next(2) == 0) Keep(sector);
            _dirty.Clear();
            Bytes = [.. _durable];
        }

        public void Dispose() { }

        private void Keep(int sector)
        {
            var from = sector * Sector;
            var length = Math.Min(Sector, Math.Min(Bytes.Length, _durable.Length) - from);
            if (length > 0) Bytes.AsSpan(from, length).CopyTo(_durable.AsSpan(from));
        }
    }
}
