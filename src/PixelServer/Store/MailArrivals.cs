using PixelServer.Enrich;

namespace PixelServer.Store;

/// <summary>From when to when the mail events arrived that were stored since somebody last looked. Safe on any number of threads.</summary>
internal sealed class MailArrivals
{
    // More than a database rounds by.
    private static readonly TimeSpan Behind = TimeSpan.FromMilliseconds(1);

    private readonly Lock _lock = new();
    private Stretch? _fresh;

    /// <summary>Called once per batch; free of cost where no mail is measured, or not by recipient (then times are coarse as well).</summary>
    public void Stored(IReadOnlyList<Event> events)
    {
        foreach (var e in events)
            if (e.Hit.Source is Source.Email or Source.Click && e.Hit.UserId is not null && MailFacts.Read(e.Hit.Properties.Span).Message is not null)
                Add(new(e.Hit.ReceivedAt, e.Hit.ReceivedAt + Behind));
    }

    public void Add(Stretch more)
    {
        lock (_lock) _fresh = _fresh is { } before ? before.Over(more) : more;
    }

    /// <summary>Null where no mail event was stored since.</summary>
    public Stretch? Take()
    {
        lock (_lock)
        {
            var fresh = _fresh;
            _fresh = null;
            return fresh;
        }
    }
}
