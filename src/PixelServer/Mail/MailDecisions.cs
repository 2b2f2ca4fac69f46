using System.Collections.Concurrent;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>
/// Every decision about mails in memory, so that neither an open nor a click asks anybody; a new one is on disk before it holds.
/// Nobody can add one without a signed token or the admin token.
/// </summary>
internal sealed class MailDecisions : IDisposable
{
    private readonly ConcurrentDictionary<(string Site, MailSubject Subject, string Id), MailDecision> _decisions = new();
    private readonly MailDecisionFile _file;
    private readonly Func<string, string, bool> _isErased;
    private readonly GroupCommit<Pending> _writing;
    private readonly Lock _lists = new();
    private readonly Dictionary<(string, MailSubject, string), MailDecision> _unshared = [];
    private readonly ILogger<MailDecisions>? _log;

    // Used only by whoever has the turn to write.
    private readonly List<MailDecision> _unwritten = [];
    private int _lines;

    private static readonly TimeSpan s_repeat = TimeSpan.FromMinutes(1);

    /// <param name="file">Where they stand.</param>
    /// <param name="isErased">Whether a recipient of a site was erased: nothing is kept of them, wherever it comes from. Nobody was where this is null.</param>
    /// <param name="log">Told where the file cannot be made smaller.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public MailDecisions(MailDecisionFile file, Func<string, string, bool>? isErased = null, ILogger<MailDecisions>? log = null)
    {
        (_file, _isErased, _log, _writing) = (file, isErased ?? ((_, _) => false), log, new(WriteAsync));
        var lines = file.Read();
        foreach (var one in lines) Take(one);
        _lines = lines.Count;
        Compact();
        ShareAgain();
    }

    public MailDecision? About(string site, MailSubject subject, string id) => _decisions.GetValueOrDefault((site, subject, id));

    /// <summary>Neither the site nor the message is stopped.</summary>
    public bool MayRecord(MailToken token) =>
        About(token.Site, MailSubject.Site, "") is not { Tracking: false }
        && (token.Message is null || About(token.Site, MailSubject.Message, token.Message) is not { Tracking: false });

    public bool MayRedirect(MailToken token) =>
        About(token.Site, MailSubject.Site, "") is not { Redirects: false }
        && (token.Message is null || About(token.Site, MailSubject.Message, token.Message) is not { Redirects: false });

    /// <summary>
    /// Puts the decision in the place of the one that is known. When this completes it holds, also after a crash. Its moment is never before
    /// that of the known one: somebody who withdraws must not lose to another collector's clock that is ahead.
    /// </summary>
    /// <returns>False when it was so already; only its later moment is kept then.</returns>
    /// <exception cref="IOException">It cannot be kept, and does not hold.</exception>
    public async Task<bool> DecideAsync(MailDecision decision) => (await KeepAsync(decision)).IsNew;

    /// <summary>As <see cref="DecideAsync"/>.</summary>
    /// <returns>
    /// Also the decision as it is kept, which may be later by a moment than it was told; of one that was so already the one that is known. Null: of
    /// somebody who was erased nothing is kept.
    /// </returns>
    /// <exception cref="IOException">It cannot be kept, and does not hold.</exception>
    public async Task<(bool IsNew, MailDecision? Kept)> KeepAsync(MailDecision decision)
    {
        var mine = new Pending(decision, isRecord: false);
        await _writing.WriteAsync(mine);
        return (mine.IsNew, mine.Kept);
    }

    /// <summary>
    /// Decisions that are told with the moment at which they were made: each keeps it, and holds only where nothing later is known. When this completes
    /// they are kept, also after a crash.
    /// </summary>
    /// <exception cref="IOException">They cannot be kept.</exception>
    public Task RecordAsync(IEnumerable<MailDecision> decisions) => Task.WhenAll(decisions.Select(one => _writing.WriteAsync(new(one, isRecord: true))).ToList());

    /// <summary>What the store says. Kept on our own disk too: at the next start the store may be away.</summary>
    public Task LearnAsync(IReadOnlyList<MailDecision> decisions) => _writing.AloneAsync(() => Learn(decisions));

    /// <summary>The store may not have heard of any of them.</summary>
    public void ShareAgain()
    {
        lock (_lists)
        {
            foreach (var one in _decisions.Values) _unshared[Key(one)] = one;
        }
    }

    /// <summary>What the store may not have yet.</summary>
    public IReadOnlyList<MailDecision> Unshared(int most)
    {
        lock (_lists) return [.. _unshared.Values.Where(one => !IsErased(one)).Take(most)];
    }

    /// <summary>Of how many recipients something is known that are one of a person's identifiers.</summary>
    public long Count(Func<MailDecision, bool> isTheirs) => _decisions.Values.LongCount(one => one.Subject == MailSubject.Recipient && isTheirs(one));

    /// <summary>Forgets what was decided about them; the file is written anew.</summary>
    /// <returns>About how many.</returns>
    /// <exception cref="IOException">The file is as it was.</exception>
    public async Task<long> EraseAsync(Func<MailDecision, bool> isTheirs)
    {
        var gone = 0L;
        await _writing.AloneAsync(() => { gone = Erase(isTheirs); });
        return gone;
    }

    /// <summary>The store has these.</summary>
    public void Shared(IEnumerable<MailDecision> decisions)
    {
        lock (_lists)
        {
            foreach (var one in decisions)
                if (_unshared.TryGetValue(Key(one), out var waiting) && waiting == one) _unshared.Remove(Key(one));
        }
    }

    public void Dispose() => _writing.Dispose();

    private long Erase(Func<MailDecision, bool> isTheirs)
    {
        var gone = _decisions.Values.Where(one => one.Subject == MailSubject.Recipient && isTheirs(one)).ToList();
        if (gone.Count == 0) return 0;
        _file.Rewrite(_decisions.Values.Except(gone));
        _unwritten.Clear();
        _lines = _decisions.Count - gone.Count;
        lock (_lists)
        {
            foreach (var one in gone)
            {
                _decisions.TryRemove(Key(one), out _);
                _unshared.Remove(Key(one));
            }
        }

        return gone.Count;
    }

    private bool IsErased(MailDecision one) => one.Subject == MailSubject.Recipient && _isErased(one.SiteId, one.SubjectId);

    private Task WriteAsync(IReadOnlyList<Pending> all)
    {
        var kept = new List<MailDecision>();
        var newest = new Dictionary<(string, MailSubject, string), MailDecision>();
        foreach (var one in all)
        {
            var decision = one.Decision;
            if (IsErased(decision)) continue;

            var key = Key(decision);
            var known = newest.GetValueOrDefault(key) ?? _decisions.GetValueOrDefault(key);
            var isSame = known is not null && (known.Tracking, known.Redirects) == (decision.Tracking, decision.Redirects);
            // What is said again is kept as said later, or it would end with what was said first. Not more than once a minute: whoever has a link could
            // fill the disk with it.
            if (known is not null && !(one.IsRecord ? decision.Outranks(known) : !isSame || decision.DecidedAt - known.DecidedAt >= s_repeat))
            {
                one.Kept = known;
                continue;
            }

            if (!one.IsRecord && !isSame && known?.DecidedAt >= decision.DecidedAt) decision = decision with { DecidedAt = known.DecidedAt.AddMilliseconds(1) };
            newest[key] = decision;
            kept.Add(decision);
            (one.IsNew, one.Kept) = isSame ? (false, known) : (true, decision);
        }

        if (kept.Count > 0) Append(kept);
        lock (_lists)
        {
            foreach (var one in kept)
            {
                Take(one);
                _unshared[Key(one)] = one;
            }
        }

        Compact();
        return Task.CompletedTask;
    }

    private void Learn(IReadOnlyList<MailDecision> decisions)
    {
        var news = decisions.Where(one => !IsErased(one) && (!_decisions.TryGetValue(Key(one), out var known) || one.Outranks(known))).ToList();
        // A no holds at once, whatever our disk says, and is no news when the store is asked again: it is written with whatever comes next.
        lock (_lists)
        {
            foreach (var one in news.Where(one => !one.Tracking)) Take(one);
        }

        _unwritten.AddRange(news.Where(one => !one.Tracking));
        if (news.Count > 0 || _unwritten.Count > 0) Append(news.Where(one => one.Tracking));
        lock (_lists)
        {
            foreach (var one in news) Take(one);
            foreach (var one in decisions)
                if (_unshared.TryGetValue(Key(one), out var waiting) && !waiting.Outranks(one)) _unshared.Remove(Key(one)); // the store has it, or a later one
        }

        Compact();
    }

    private void Append(IEnumerable<MailDecision> decisions)
    {
        List<MailDecision> lines = [.. _unwritten, .. decisions];
        _file.Append(lines);
        _unwritten.Clear();
        _lines += lines.Count;
    }

    // Each subject once, when most lines are of no use any more. Everything that is known is in the file by then.
    private void Compact()
    {
        if (_lines <= 2 * _decisions.Count + 1_000) return;
        _lines = _decisions.Count; // where it fails, not again with the very next line
        try
        {
            _file.Rewrite(_decisions.Values);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log?.LogWarning("The file of decisions about mails cannot be made smaller: {Error}", e.Message);
        }
    }

    private void Take(MailDecision decision) =>
        _decisions.AddOrUpdate(Key(decision), decision, (_, known) => decision.Outranks(known) ? decision : known);

    private static (string, MailSubject, string) Key(MailDecision one) => (one.SiteId, one.Subject, one.SubjectId);

    /// <summary>A decision that waits for its flush, and what became of it.</summary>
    private sealed class Pending(MailDecision decision, bool isRecord)
    {
        public MailDecision Decision { get; } = decision;
        public bool IsRecord { get; } = isRecord;
        public bool IsNew { get; set; }
        public MailDecision? Kept { get; set; }
    }
}
