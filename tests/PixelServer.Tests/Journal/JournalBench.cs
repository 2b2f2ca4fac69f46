using Microsoft.Extensions.Logging.Abstractions;
using PixelServer.Journal;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Journal;

/// <summary>A journal over a simulated disk, without threads: appends, crashes, starts again and reads, one step at a time.</summary>
internal sealed class JournalBench
{
    private const string Folder = "/journal";
    private int _made;

    public JournalBench(JournalOptions? options = null)
    {
        Options = options ?? new JournalOptions { SegmentBytes = 8 << 10, MinFreeBytes = 0, RetainFor = TimeSpan.Zero, RetainBytes = 0 };
        Start();
    }

    public JournalOptions Options { get; }
    public SimulatedDisk Disk { get; } = new();
    public Microsoft.Extensions.Time.Testing.FakeTimeProvider Clock { get; } = new();
    public Segments Segments { get; private set; } = null!;
    public Appender Appender { get; private set; } = null!;
    public JournalReader Reader { get; private set; } = null!;

    /// <summary>Ids of events whose commit said that they are durable, in order.</summary>
    public List<int> Acknowledged { get; } = [];

    /// <summary>Ids of all events that were ever handed to a commit.</summary>
    public HashSet<int> Offered { get; } = [];

    /// <summary>Ids of all events that somebody wanted erased, whether it came to that or not.</summary>
    public HashSet<int> Wanted { get; } = [];

    public void Start()
    {
        Segments = Segments.Open(Disk, Folder, Options, Clock, NullLogger.Instance);
        Appender = new Appender(Segments, Options, Clock, NullLogger.Instance);
        Reader = new JournalReader(Segments, Options, NullLogger.Instance);
    }

    public void Restart()
    {
        Appender.Dispose();
        Start();
    }

    public void Crash(Random random)
    {
        Disk.Before = null;
        Disk.Crash(random);
        Start();
    }

    /// <summary>One group commit of <paramref name="count"/> events of about <paramref name="size"/> bytes.</summary>
    public AppendOutcome Append(int count, int size = 40)
    {
        var batch = new List<int>();
        for (var i = 0; i < count; i++)
        {
            var id = _made++;
            if (!Appender.TryAdd(HitOf(id, size))) break;
            batch.Add(id);
        }

        Offered.UnionWith(batch);
        var outcome = Appender.Commit();
        if (outcome == AppendOutcome.Accepted) Acknowledged.AddRange(batch);
        return outcome;
    }

    /// <summary>The ids of all events that can be read, in order, from the given positions on.</summary>
    public List<int> ReadAll(IReadOnlyDictionary<Guid, long>? from = null)
    {
        var ids = new List<int>();
        foreach (var run in Segments.Runs)
        {
            var position = from?.GetValueOrDefault(run) ?? 0;
            while (Reader.Read(run, position, 7) is { IsEmpty: false } slice)
            {
                ids.AddRange(slice.Hits.Select(IdOf));
                position = slice.To;
            }
        }

        return ids;
    }

    /// <summary>Erases as the journal does it: closes the segment first.</summary>
    public JournalErased Erase(Func<Hit, bool> belongs)
    {
        Appender.Roll();
        return new Erasing(Segments, NullLogger.Instance).Erase(belongs, CancellationToken.None);
    }

    /// <summary>Those of the events whose id still stands somewhere in a file, of whatever kind.</summary>
    public IEnumerable<int> OnDisk(IEnumerable<int> ids)
    {
        var contents = new[] { Folder, $"{Folder}/{Segments.QuarantineFolder}" }
            .SelectMany(folder => Disk.List(folder).Select(name => Disk[$"{folder}/{name}"])).ToList();
        return ids.Where(id => contents.Any(content => content.AsSpan().IndexOf(GuidOf(id).ToByteArray(bigEndian: true)) >= 0));
    }

    public string[] Files => [.. Disk.List(Folder).Where(name => name.EndsWith(".seg", StringComparison.Ordinal)).Order().Select(name => $"{Folder}/{name}")];

    public string[] Quarantined => [.. Disk.List($"{Folder}/{Segments.QuarantineFolder}")];

    public static int IdOf(Hit hit)
    {
        // The name repeats the id: a payload that was mixed up would show.
        var id = int.Parse(hit.Name, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(hit.EventId, GuidOf(id));
        return id;
    }

    private static Hit HitOf(int id, int size) => new()
    {
        EventId = GuidOf(id),
        ReceivedAt = DateTimeOffset.UnixEpoch,
        OccurredAt = DateTimeOffset.UnixEpoch,
        SiteId = "s",
        Source = Source.Pixel,
        Name = id.ToString(System.Globalization.CultureInfo.InvariantCulture),
        VisitorId = GuidOf(id),
        VisitorKind = VisitorKind.None,
        Title = new string('x', size),
        ConsentStorage = true,
        ConsentMeasurement = true,
        ConsentAds = true,
    };

    private static Guid GuidOf(int id) => new(id, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7);
}
