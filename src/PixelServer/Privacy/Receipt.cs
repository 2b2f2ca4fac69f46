using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>What is told of an erasure, and nothing of whose it was: the same for the person, the operator and an authority.</summary>
internal sealed record Receipt(
    Guid RequestId, string Verb, string SiteId, DateTimeOffset MadeAt, DateTimeOffset FinishedAt, IReadOnlyList<string> Subjects, string Store,
    IReadOnlyDictionary<string, long> Rows, IReadOnlyList<ReceiptPart> Collectors, IReadOnlyList<ReceiptGone> NotReached)
{
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <param name="key">Signs it.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="store">Name of the store.</param>
    /// <param name="rows">Rows erased there.</param>
    /// <param name="parts">What each collector erased.</param>
    /// <param name="gone">Collectors that nobody has heard of for long.</param>
    /// <param name="now">When it is finished.</param>
    public static string Sign(
        ReceiptKey key, PersonRequest request, string store, IReadOnlyDictionary<string, long> rows, IReadOnlyList<PersonPart> parts, IReadOnlyList<Collector> gone, DateTimeOffset now) =>
        key.Sign(new Receipt(
            request.Id, request.Verb, request.Site, request.MadeAt, now, [.. request.Subjects.Select(one => one.ToString("x32", CultureInfo.InvariantCulture))], store, rows,
            [.. parts.Select(ReceiptPart.Of)], [.. gone.Select(one => new ReceiptGone(one.Id, one.Host, one.SeenAt))]), Json);
}

/// <summary>What one collector did on its own disk.</summary>
internal sealed record ReceiptPart(Guid CollectorId, string Host, DateTimeOffset DoneAt, IReadOnlyDictionary<string, long> Records)
{
    public static ReceiptPart Of(PersonPart part) => new(part.Collector, part.Host, part.DoneAt, part.Counts);
}

/// <summary>A collector that has not done its part.</summary>
internal sealed record ReceiptGone(Guid CollectorId, string Host, DateTimeOffset SeenAt);
