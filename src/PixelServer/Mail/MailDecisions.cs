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
    private readonly Lock _lists = new();
    private readonly SemaphoreSlim _writing = new(1, 1); // the file has one writer at a time
    private readonly Dictionary<(string, MailSubject, string), MailDecision> _unshared = [];
    private List<Wish> _wishes = [];
    private static readonly TimeSpan s_repeat = TimeSpan.FromMinutes(1);

    /// <param name="file">Where they stand.</param>
    /// <param name="isErased">Whether a recipient of a site was erased: nothing is kept of them, wherever it comes from. Nobody was where this is null.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public MailDecisions(MailDecisionFile file, Func<string, string, bool>? isErased = null)
    {
        (_file, _isErased) = (file, isErased ?? ((_, _) => false));
        var lines = file.Read();
        foreach (var one in lines) Take(one);
        if (lines.Count > 2 * _decisions.Count + 1000) file.Rewrite(_decisions.Values);
        foreach (var one in _decisions.Values) _unshared[Key(one)] = one; // the store may never have heard of them
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
    /// <returns>False when it was so already; of a withdrawal only its later moment is written then.</returns>
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
        var wish = new Wish(decision);
        lock (_lists) _wishes.Add(wish);
        await _writing.WaitAsync();
        try
        {
            // Whoever has the turn writes for all that wait: one flush serves them, and nobody blocks a thread of the pool meanwhile.
            if (!wish.Outcome.Task.IsCompleted) await Task.Run(WriteWishes);
        }
        finally
        {
            _writing.Release();
        }

        return await wish.Outcome.Task;
    }

    /// <summary>What the store says. Kept on our own disk too: at the next start the store may be away.</summary>
    public async Task LearnAsync(IReadOnlyList<MailDecision> decisions)
    {
        if (decisions.Count == 0) return;
        await _writing.WaitAsync();
        try
        {
            await Task.Run(() => Learn(decisions));
        }
        finally
        {
            _writing.Release();
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
        await _writing.WaitAsync();
        try
        {
            return await Task.Run(() => Erase(isTheirs));
        }
        finally
        {
            _writing.Release();
        }
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

    private void WriteWishes()
    {
        List<Wish> wishes;
        lock (_lists) (wishes, _wishes) = (_wishes, []);
        var outcomes = new List<(Wish Wish, bool IsNew, MailDecision? Kept)>();
        var kept = new List<MailDecision>();
        var newest = new Dictionary<(string, MailSubject, string), MailDecision>();
        try
        {
            foreach (var wish in wishes)
            {
                var decision = wish.Decision;
                if (IsErased(decision))
                {
                    outcomes.Add((wish, false, null));
                    continue;
                }

                var key = Key(decision);
                var known = newest.GetValueOrDefault(key) ?? _decisions.GetValueOrDefault(key);
                if (known is not null && (known.Tracking, known.Redirects) == (decision.Tracking, decision.Redirects))
                {
                    // A later no is kept all the same: a yes that came between on another collector must lose to it. Not more than one a
                    // minute, or whoever has a link could fill the disk with it.
                    outcomes.Add((wish, false, known));
                    if (decision.Tracking || decision.DecidedAt - known.DecidedAt < s_repeat) continue;
                    kept.Add(decision);
                    newest[key] = decision;
                    continue;
                }

                if (known?.DecidedAt >= decision.DecidedAt) decision = decision with { DecidedAt = known.DecidedAt.AddMilliseconds(1) };
                newest[key] = decision;
                kept.Add(decision);
                outcomes.Add((wish, true, decision));
            }

            if (kept.Count > 0) _file.Append(kept);
            Hold(kept);
            foreach (var (wish, isNew, known) in outcomes) wish.Outcome.SetResult((isNew, known));
        }
        catch (Exception e)
        {
            foreach (var wish in wishes) wish.Outcome.TrySetException(e);
        }
    }

    private void Hold(IEnumerable<MailDecision> decisions)
    {
        lock (_lists)
        {
            foreach (var one in decisions)
            {
                Take(one);
                _unshared[Key(one)] = one;
            }
        }
    }

    private void Learn(IReadOnlyList<MailDecision> decisions)
    {
        var news = decisions.Where(one => !IsErased(one) && (!_decisions.TryGetValue(Key(one), out var known) || one.Outranks(known))).ToList();
        // A no holds at once, whatever our disk says: it is asked for again until it is written too.
        lock (_lists)
        {
            foreach (var one in news.Where(one => !one.Tracking)) Take(one);
        }

        if (news.Count > 0) _file.Append(news);
        lock (_lists)
        {
            foreach (var one in news) Take(one);
            foreach (var one in decisions)
                if (_unshared.TryGetValue(Key(one), out var waiting) && !waiting.Outranks(one)) _unshared.Remove(Key(one)); // the store has it, or a later one
        }
    }

    private void Take(MailDecision decision) =>
        _decisions.AddOrUpdate(Key(decision), decision, (_, known) => decision.Outranks(known) ? decision : known);

    private static (string, MailSubject, string) Key(MailDecision one) => (one.SiteId, one.Subject, one.SubjectId);

    /// <summary>A decision that waits for its flush.</summary>
    private sealed record Wish(MailDecision Decision)
    {
        public TaskCompletionSource<(bool IsNew, MailDecision? Kept)> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
