using System.Text.Json.Serialization;
using PixelServer.Collect;

namespace PixelServer.Privacy;

/// <summary>What stands in the body of a request about a person: the site, one identifier, and what the verb needs.</summary>
internal sealed record PersonRequestBody
{
    private const int MostAlso = 20;

    public string SiteId { get; init; } = Parameters.DefaultSite;
    public string? VisitorId { get; init; }
    public string? AnonymousId { get; init; }
    public string? UserId { get; init; }
    public string? RecipientId { get; init; }
    public string? Email { get; init; }

    [JsonPropertyName("email_sha256")]
    public string? EmailSha256 { get; init; }

    public string? Phone { get; init; }

    [JsonPropertyName("phone_sha256")]
    public string? PhoneSha256 { get; init; }

    public string? ExternalId { get; init; }

    [JsonPropertyName("external_id_sha256")]
    public string? ExternalIdSha256 { get; init; }

    public string? DeviceId { get; init; }
    public string? PersonId { get; init; }
    public string? EventId { get; init; }
    public string? ClientEventId { get; init; }

    /// <summary>The identifier alone, and not who it leads to.</summary>
    public bool Only { get; init; }

    /// <summary>What is shared with others and is to go all the same, as <c>visitor:…</c>, <c>email:…</c> or <c>user:…</c>.</summary>
    public IReadOnlyList<string?> Also { get; init; } = [];

    /// <summary>Of a restriction: it ends.</summary>
    public bool Lift { get; init; }

    /// <summary>Of a release, in place of an identifier: everything that this erasure erased.</summary>
    public Guid? RequestId { get; init; }

    /// <returns>What is wrong, beginning with the member; null where nothing is.</returns>
    public string? Read(Sites sites, out PersonName name, out IReadOnlyList<PersonName> also)
    {
        (name, also) = (default, []);
        if (sites.Find(SiteId, out _) is { } refusal) return $"site_id: {refusal.Title}";
        if (RequestId is not null) return "request_id: only to release, and without an identifier beside it.";
        var texts = Identifiers;
        if (texts.Count(text => text is not null) != 1) return $"Exactly one of {string.Join(", ", PersonName.Kinds)}.";
        var given = Array.FindIndex(texts, text => text is not null);
        if (PersonName.Read(SiteId, PersonName.Kinds[given], texts[given]!, out name) is { } fault) return fault;
        if (Only) name = name with { IsAlone = true };
        return ReadAlso(SiteId, Also, out also);
    }

    /// <summary>It says nothing but the erasure.</summary>
    [JsonIgnore]
    public bool IsOfRequest => RequestId is not null && Also.Count == 0 && !Only && Identifiers.All(text => text is null);

    private string?[] Identifiers =>
    [
        VisitorId, AnonymousId, UserId, RecipientId, Email, EmailSha256, Phone, PhoneSha256, ExternalId, ExternalIdSha256, DeviceId, PersonId, EventId, ClientEventId,
    ];

    /// <inheritdoc cref="Read"/>
    public static string? ReadAlso(string site, IReadOnlyList<string?> texts, out IReadOnlyList<PersonName> also)
    {
        also = [];
        if (texts.Count > MostAlso) return $"also: at most {MostAlso}.";
        var names = new List<PersonName>();
        foreach (var text in texts)
        {
            if (text is null || PersonName.Read(site, "person_id", text, out var name) is not null) return "also: visitor:, email: or user: and the identifier of somebody.";
            names.Add(name);
        }

        also = names;
        return null;
    }
}
