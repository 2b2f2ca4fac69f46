using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PixelServer.Store;

/// <summary>A record as a link of its chain.</summary>
/// <param name="Record">What was decided; without its person once that is erased.</param>
/// <param name="Chain">One per collector.</param>
/// <param name="Seq">From 1.</param>
/// <param name="Commitment">Binds the person to the chain: <see cref="ConsentChain.Commit"/>.</param>
/// <param name="PrevHash">Of the link before it.</param>
/// <param name="Hash">Of this one.</param>
internal sealed record ConsentLink(ConsentRecord Record, Guid Chain, long Seq, string Commitment, string PrevHash, string Hash);

/// <summary>
/// The arithmetic of the proof, without a database; docs/proof.md has the same in words, for those who want to check without us. A text is
/// written as its length in bytes, a colon, its bytes and a comma (a netstring), a text that is not there as <c>-,</c>, so that no two lists of texts make
/// the same bytes.
/// </summary>
internal static class ConsentChain
{
    /// <summary>What stands before the first link.</summary>
    public static string Origin { get; } = new('0', 64);

    /// <summary>The next link of a chain.</summary>
    public static ConsentLink Append(ConsentRecord record, Guid chain, long seq, string prevHash)
    {
        var commitment = Commit(record.Person);
        return new(record, chain, seq, commitment, prevHash, Hash(record, chain, seq, commitment, prevHash));
    }

    /// <summary>SHA-256, lower-case hex, over the salt and what it hides.</summary>
    public static string Commit(ConsentPerson person) =>
        Digest([person.Salt, person.Kind, person.Id, person.Signal, person.Page, person.Ip, person.UserAgent]);

    public static string Hash(ConsentRecord one, Guid chain, long seq, string commitment, string prevHash) => Digest(
    [
        prevHash, chain.ToString("D"), seq.ToString(CultureInfo.InvariantCulture), one.RecordId, one.SiteId, commitment, one.Purpose,
        ConsentDecisions.Of(one.Decision), Time(one.At), Time(one.RecordedAt), one.Method, one.TextId, one.TextHash, one.Locale, one.PolicyVersion,
        one.CmpId, one.CmpVersion, one.Actor, one.ExpiresAt is { } end ? Time(end) : null,
    ]);

    /// <summary>The hash that the chain needs for a text that was shown.</summary>
    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string Digest(ReadOnlySpan<string?> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts)
        {
            var bytes = text is null ? [] : Encoding.UTF8.GetBytes(text);
            hash.AppendData(Encoding.ASCII.GetBytes(text is null ? "-" : bytes.Length.ToString(CultureInfo.InvariantCulture) + ":"));
            hash.AppendData(bytes);
            hash.AppendData(","u8);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

/// <summary>Looks at links in the order of their chains, and names the first of each chain that is not what was written.</summary>
internal sealed class ConsentAudit
{
    private readonly Dictionary<Guid, ConsentHead> _heads = [];
    private readonly List<string> _faults = [];
    private readonly Dictionary<string, long> _texts = new(StringComparer.Ordinal);

    /// <summary>Chains whose links are all right so far, and of the others as far as they are.</summary>
    public IReadOnlyCollection<ConsentHead> Heads => _heads.Values;

    /// <summary>A sentence for each chain that is broken, about its first broken link, and for whatever else is.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>Hashes of the texts that records name, and how many do.</summary>
    public IReadOnlyDictionary<string, long> Texts => _texts;

    public long Records { get; private set; }

    public long Erased { get; private set; }

    /// <summary>Takes the next link; those of one chain come in the order of <see cref="ConsentLink.Seq"/>.</summary>
    public void Add(ConsentLink link)
    {
        Records++;
        if (link.Record.Person.IsErased) Erased++;
        if (link.Record.TextHash is { } text) _texts[text] = _texts.GetValueOrDefault(text) + 1;
        var head = _heads.GetValueOrDefault(link.Chain) ?? new(link.Chain, 0, ConsentChain.Origin, false);
        if (head.IsBroken) return;
        var fault = Fault(link, head);
        if (fault is not null) _faults.Add($"chain {link.Chain:D}, record {head.Seq + 1}: {fault}");
        _heads[link.Chain] = fault is null ? new(link.Chain, link.Seq, link.Hash, false) : head with { IsBroken = true };
    }

    /// <summary>Something beside the chains that is not as it was written.</summary>
    public void Add(string fault) => _faults.Add(fault);

    private static string? Fault(ConsentLink link, ConsentHead head)
    {
        if (link.Seq != head.Seq + 1) return $"missing; the next that is there is {link.Seq}.";
        if (link.PrevHash != head.Hash) return $"{link.Record.RecordId} does not hold the hash of the record before it.";
        if (ConsentChain.Hash(link.Record, link.Chain, link.Seq, link.Commitment, link.PrevHash) != link.Hash) return $"{link.Record.RecordId} was changed after it was written.";
        var person = link.Record.Person;
        if (person.IsErased ? person != ConsentPerson.Erased : ConsentChain.Commit(person) != link.Commitment) return $"whose record {link.Record.RecordId} is was changed after it was written.";
        return null;
    }
}

/// <summary>How far a chain is right.</summary>
internal sealed record ConsentHead(Guid Chain, long Seq, string Hash, bool IsBroken);
