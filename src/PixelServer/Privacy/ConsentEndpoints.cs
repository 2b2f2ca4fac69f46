using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>For operators and their backends, with the admin token: record decisions, and ask for what holds and its proof.</summary>
internal sealed class ConsentEndpoints(Consents consents, IConsents store, Sites sites, TimeProvider clock, ILogger<ConsentEndpoints> log)
{
    public const int MaxRecords = 500;
    private const int MaxHistory = 1_000;

    /// <summary>Of clocks that are not quite ours: within this, the future is now.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2), s_reading = TimeSpan.FromSeconds(10);

    public async Task KeepAsync(HttpContext http)
    {
        if (await ReadAsync(http) is not { } requests) return;
        var records = new List<ConsentRecord>(requests.Count);
        foreach (var request in requests)
        {
            if (request.ToRecord(sites, clock.GetUtcNow(), Ahead, ("api", "person"), out var fault) is { } record)
            {
                records.Add(record);
                continue;
            }

            await Problem.InvalidParameter.WriteAsync(http, requests.Count > 1 ? $"Record {records.Count}: {fault} Nothing of the body is kept." : fault);
            return;
        }

        List<ConsentRecord> known = [.. records.Select(one => consents.Waiting(one.SiteId, one.RecordId)).OfType<ConsentRecord>(), .. await KnownAsync(records, requests, http.RequestAborted)];
        var first = known.Concat(records).DistinctBy(one => (one.SiteId, one.RecordId)).ToDictionary(one => (one.SiteId, one.RecordId));
        if (records.FindIndex(one => !one.Repeats(first[(one.SiteId, one.RecordId)])) is var taken and >= 0)
        {
            await Problem.RecordIdTaken.WriteAsync(http, $"Record {taken} has the id of another decision. Nothing of the body is kept.");
            return;
        }

        ConsentRecord[] news = [.. records.Where(one => ReferenceEquals(first[(one.SiteId, one.RecordId)], one))];
        try
        {
            await consents.KeepAsync(news); // also of none: what is repeated may not be in force yet
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.LogError("Consent records could not be written: {Error}", e.Message);
            http.Response.Headers.RetryAfter = "30";
            await Problem.DecisionNotKept.WriteAsync(http);
            return;
        }

        await AdminJson.WriteAsync(http, new ConsentReceipt(news.Length, records.Count - news.Length, [.. records.Select(one => one.RecordId)]), ConsentRequest.Json);
    }

    public async Task AboutAsync(HttpContext http)
    {
        var (site, kind, id) = ((string?)http.Request.Query["site"] ?? Parameters.DefaultSite, (string?)http.Request.Query["kind"], (string?)http.Request.Query["id"] ?? "");
        if (kind == ConsentPersons.Visitor && Guid.TryParse(id, out var visitor)) id = visitor.ToString("D");
        if (kind == ConsentPersons.Email) id = id.ToLowerInvariant();
        if ((!Sites.IsId(site) ? "site: 1 to 64 letters, digits and ._-." : ConsentRequest.SubjectFault(kind, id)?.Replace("subject.", "", StringComparison.Ordinal)) is { } fault)
        {
            await Problem.InvalidParameter.WriteAsync(http, fault);
            return;
        }

        IReadOnlyList<ConsentLink> links;
        var waiting = consents.Waiting(); // before the store is asked: between the two a record moves from here to there
        using var deadline = new CancellationTokenSource(s_reading, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, http.RequestAborted);
        try
        {
            links = await store.AboutAsync(site, kind!, id, MaxHistory, either.Token);
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            log.LogWarning("Consent records cannot be read: {Error}", e.GetType().Name);
            http.Response.Headers.RetryAfter = "5";
            await Problem.StoreAway.WriteAsync(http);
            return;
        }

        var theirs = waiting.Where(one => one.SiteId == site && one.Person.Kind == kind && one.Person.Id == id && links.All(link => link.Record.RecordId != one.RecordId));
        await AdminJson.WriteAsync(http, ConsentAnswer.Of(site, kind!, id, links, theirs, clock.GetUtcNow()), ConsentRequest.Json);
    }

    // Only ids that the sender chose can be there already. A store that is away is no reason to refuse a withdrawal: it looks again when it takes the record.
    private async Task<IReadOnlyList<ConsentRecord>> KnownAsync(List<ConsentRecord> records, List<ConsentRequest> requests, CancellationToken ct)
    {
        var found = new List<ConsentRecord>();
        using var deadline = new CancellationTokenSource(s_patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            foreach (var site in requests.Where(one => one.RecordId is not null).GroupBy(one => one.SiteId))
                found.AddRange(await store.KnownAsync(site.Key, [.. site.Select(one => one.RecordId!)], either.Token));
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            log.LogDebug("The store cannot be asked for {Count} record ids: {Error}", records.Count, e.GetType().Name);
        }

        return found;
    }

    private static Task<List<ConsentRequest>?> ReadAsync(HttpContext http) => AdminJson.ReadAsync(http, BodyReader.Keyed, body =>
    {
        var isMany = body.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("["u8);
        var requests = isMany ? JsonSerializer.Deserialize<List<ConsentRequest>>(body, ConsentRequest.Json) : [JsonSerializer.Deserialize<ConsentRequest>(body, ConsentRequest.Json)!];
        return requests is { Count: > 0 and <= MaxRecords } && requests.All(one => one is not null) ? requests : null;
    }, $"The body must be a JSON object, or an array of 1 to {MaxRecords}.");
}

/// <summary>What became of a body.</summary>
internal sealed record ConsentReceipt(int Recorded, int Repeated, IReadOnlyList<string> RecordIds);
