using System.Text.Json;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What the verbs and the API say of persons, as JSON.</summary>
internal static class PersonAnswers
{
    public static readonly JsonSerializerOptions Json = new(Collect.AdminJson.Options) { WriteIndented = true };

    public static object Found(PersonFound person, PersonCounts counts) => new
    {
        SiteId = person.Ids.Site,
        PersonId = person.Person,
        Identifiers = Identifiers(person.Ids),
        Shared = Shared(person.Shared),
        Pairs = counts.Pairs.Select(one => new { From = $"{one.FromKind}:{one.FromId}", To = $"{one.ToKind}:{one.ToId}", one.Source }),
        Rows = counts.Rows,
        Collectors = counts.Parts.Select(ReceiptPart.Of),
        NotAnswered = Waiting(counts.Missing),
    };

    public static object Identifiers(PersonIds ids) => new
    {
        VisitorIds = ids.Visitors,
        UserIds = ids.Users,
        EmailSha256s = ids.Emails,
        PhoneSha256s = ids.Phones,
        ExternalIdSha256s = ids.ExternalIds,
        DeviceIds = ids.Devices,
    };

    /// <summary>As <c>also</c> takes them.</summary>
    public static IEnumerable<string> Shared(IEnumerable<(string Kind, string Id)> shared) => shared.Select(one => $"{one.Kind}:{one.Id}");

    public static object Erased(PersonErasure erasure) => new
    {
        RequestId = erasure.Request.Id,
        State = erasure.IsInterrupted ? "interrupted" : erasure.Receipt is null ? "waiting" : "complete",
        erasure.Rows,
        DatabaseCleaned = erasure.IsClean,
        Collectors = erasure.Parts.Select(ReceiptPart.Of),
        WaitingFor = Waiting(erasure.Missing),
        StaysBecauseShared = Shared(erasure.Shared),
        Receipt = erasure.Receipt is null ? (JsonElement?)null : JsonElement.Parse(erasure.Receipt),
    };

    private static IEnumerable<ReceiptGone> Waiting(IEnumerable<Collector> collectors) => collectors.Select(one => new ReceiptGone(one.Id, one.Host, one.SeenAt));
}
