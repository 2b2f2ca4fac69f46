using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Ops;

/// <summary>Why a route that is not a door of its own has nothing else to answer; each documented in docs/errors.md.</summary>
internal sealed class Problem(int status, string code, string title) : ProblemDocument(status, code, title)
{
    public static readonly Problem InvalidParameter = new(400, "invalid_parameter", "A parameter has a value that is not allowed.");
    public static readonly Problem Unauthorized = new(401, "unauthorized", "This address needs the admin token as a bearer token in the Authorization header.");
    public static readonly Problem NotFound = new(404, "not_found", "There is nothing at this address.");
    public static readonly Problem MethodNotAllowed = new(405, "method_not_allowed", "This address does not take this method; the Allow header names those it takes.");
    public static readonly Problem PersonNotFound = new(404, "person_not_found", "No event has this id, so that it leads to nobody.");
    public static readonly Problem PersonUnclear = new(409, "person_unclear", "Events of several persons have this id: ask by one of their identifiers.");
    public static readonly Problem CollectorKeysDiffer = new(409, "collector_keys_differ", "A collector of this store has another key for identifiers and would not recognise the person: all of them need the same Pixel:CookieKey.");
    public static readonly Problem RecordIdTaken = new(409, "record_id_taken", "The record id stands for another decision.");
    public static readonly Problem InternalError = new(500, "internal_error", "The server made a mistake; its log has the details.");
    public static readonly Problem DecisionNotKept = new(503, "decision_not_kept", "The decision could not be written to disk, and does not hold.");
    public static readonly Problem StoreAway = new(503, "store_away", "The store cannot be asked at the moment; events are still taken and kept in the journal.");

    /// <summary>Those of every route that is not a door of its own.</summary>
    public static IReadOnlyList<Problem> All { get; } = [InvalidParameter, Unauthorized, NotFound, MethodNotAllowed, PersonNotFound, PersonUnclear, CollectorKeysDiffer, RecordIdTaken, InternalError, DecisionNotKept, StoreAway];

    /// <summary>
    /// The problem for an answer that has a status and nothing else. A 400 or 503 of the framework's own is no parameter of ours, and
    /// no store: those codes are only given where the reason is known.
    /// </summary>
    public static Problem Of(int status) =>
        All.FirstOrDefault(one => one.Status == status && one != InvalidParameter && one.Status is not (409 or 503))
        ?? new(status, "http_" + status.ToString(CultureInfo.InvariantCulture), "The request cannot be served.");

    /// <param name="http">Its response must not have started.</param>
    /// <param name="detail">What is wrong in this case; never what a visitor sent.</param>
    public Task WriteAsync(HttpContext http, string? detail = null) => WriteAsync(http.Response, json =>
    {
        if (detail is not null) json.WriteString("detail", detail);
    });
}

/// <summary>An error that a caller can act on: a problem document (RFC 9457) with a <c>code</c> that never changes its meaning.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="code">Stable word: clients, counters and documents rely on it.</param>
/// <param name="title">The same sentence for every case of this code.</param>
internal abstract class ProblemDocument(int status, string code, string title)
{
    private static readonly StringValues s_type = "application/problem+json";

    public int Status => status;
    public string Code => code;
    public string Title => title;

    /// <summary>Answers with it, with other members behind those of every problem. Never a word of the client's in them.</summary>
    public Task WriteAsync(HttpResponse response, Action<Utf8JsonWriter>? others = null)
    {
        WriteHeaders(response.Headers);
        return Answer.WriteAsync(response, Status, s_type, ToJson(others));
    }

    public ReadOnlyMemory<byte> ToJson(Action<Utf8JsonWriter>? others = null) => Answer.Json(json =>
    {
        json.WriteString("type", "urn:pixelserver:" + Code);
        json.WriteString("title", Title);
        json.WriteNumber("status", Status);
        json.WriteString("code", Code);
        others?.Invoke(json);
    });

    /// <summary>What the client needs to act on it, beside the document.</summary>
    protected virtual void WriteHeaders(IHeaderDictionary headers)
    {
    }
}
