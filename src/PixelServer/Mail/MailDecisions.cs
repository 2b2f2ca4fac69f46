using System.Collections.Concurrent;
using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>
/// Every decision about mails in memory, so that neither an open nor a click asks anybody; a new one is on disk before it holds.
/// About 250 bytes each; nobody can add one without a signed token or the admin token.
/// </summary>
internal sealed class MailDecisions
{
    private readonly ConcurrentDictionary<(string Site, MailSubject Subject, string Id), MailDecision> _decisions = new();
    private readonly MailDecisionFile _file;
    private readonly Lock _writing = new();
    private Dictionary<(string, MailSubject, string), MailDecision> _unshared = [];

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public MailDecisions(MailDecisionFile file)
    {
        _file = file;
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

    /// <summary>From the moment this returns it holds, also after a crash. One that changes nothing is not written again.</summary>
    /// <exception cref="IOException">It cannot be kept, and does not hold.</exception>
    public void Decide(MailDecision decision)
    {
        lock (_writing)
        {
            if (_decisions.TryGetValue(Key(decision), out var known)
                && (!decision.Outranks(known) || (known.Tracking, known.Redirects) == (decision.Tracking, decision.Redirects))) return;
            _file.Append([decision]);
            Take(decision);
            _unshared[Key(decision)] = decision;
        }
    }

    /// <summary>What the store says. Kept on our own disk too: at the next start the store may be away.</summary>
    public void Learn(IReadOnlyList<MailDecision> decisions)
    {
        lock (_writing)
        {
            var news = new List<MailDecision>();
            foreach (var one in decisions)
            {
                if (_decisions.TryGetValue(Key(one), out var known) && !one.Outranks(known))
                {
                    if (!known.Outranks(one)) _unshared.Remove(Key(one)); // the store has it
                    continue;
                }

                news.Add(one);
            }

            if (news.Count == 0) return;
            _file.Append(news);
            foreach (var one in news)
            {
                Take(one);
                _unshared.Remove(Key(one));
            }
        }
    }

    /// <summary>What the store may not have yet.</summary>
    public IReadOnlyList<MailDecision> Unshared(int most)
    {
        lock (_writing) return [.. _unshared.Values.Take(most)];
    }

    /// <summary>The store has these.</summary>
    public void Shared(IEnumerable<MailDecision> decisions)
    {
        lock (_writing)
        {
            foreach (var one in decisions)
                if (_unshared.TryGetValue(Key(one), out var waiting) && waiting == one) _unshared.Remove(Key(one));
        }
    }

    private void Take(MailDecision decision) =>
        _decisions.AddOrUpdate(Key(decision), decision, (_, known) => decision.Outranks(known) ? decision : known);

    private static (string, MailSubject, string) Key(MailDecision one) => (one.SiteId, one.Subject, one.SubjectId);
}
