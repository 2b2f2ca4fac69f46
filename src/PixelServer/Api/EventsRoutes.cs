using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>The door of backends as the API page shows it.</summary>
internal static class EventsRoutes
{
    // What only pages and images are told.
    private static readonly Refusal[] s_others = [Refusal.OriginNotAllowed, Refusal.QueryTooLong];

    public static IEnumerable<ApiRoute> All =>
    [
        new("POST", EventsDoor.Path, "Server", "Record events from your own backend, with a secret key")
        {
            Description = $"The beacon's JSON: one object, an array, or `{{\"{Parameters.Batch}\":[…]}}` of at most {Limits.KeyedBatchEvents} events; {Limits.KeyedBodyBytes} bytes, "
                + $"{Limits.KeyedUnpackedBytes} when unpacked (gzip or br), {Limits.KeyedEventBytes} for one event. The site is the key's. Beside what a beacon may hold, an event may have:\n\n"
                + string.Join("\n", Told.Members.Select(one => $"- `{one.Json}`: {one.Meaning}.")),
            Parameters =
            [
                new("Authorization", "header", "`Bearer` and a secret key, or the key as the user of Basic authorization.", "Bearer pxs_…"),
                new("Idempotency-Key", "header", "1 to 255 visible characters: the same request with the same key is stored once.", "crm-export-4711"),
                new("Prefer", "header", "`return=representation`: the answer lists the ids of the rows.", "return=representation"),
                new("Content-Encoding", "header", "`gzip` or `br`.", "gzip"),
            ],
            Bodies =
            [
                new("application/json", "lead",
                    """{"event":"lead","event_id":"lead-4711","visitor_id":"9f86d081884c7d659a2feaa0c55ad015.0a1c.q83vEjRWeJA","user_id":"c-17","value":250,"currency":"EUR","identity":{"email":"jane.doe@example.com","phone":"+14155550123"}}"""),
                new("application/json", "batch", """{"batch":[{"event":"order_shipped","user_id":"c-17","timestamp":"2026-11-23T10:00:00Z","message_id":"ship-1"},{"event":"refund","user_id":"c-17","value":-59.90,"currency":"EUR"}]}"""),
            ],
            Answers =
            [
                new(200, "At least one event is kept. `refused` and `warnings` name the others by their place; a refused one must not be sent again. Warnings:\n\n"
                    + string.Join("\n", Warning.All.Select(one => $"- `{one.Code}`: {one.Meaning}")), "application/json",
                    """{"accepted":2,"refused":[{"index":1,"code":"name_too_long"}],"warnings":[{"index":2,"code":"phone_not_read"}]}"""),
                .. ApiAnswer.Of(Refusal.All.Except(s_others)),
            ],
        },
    ];
}
