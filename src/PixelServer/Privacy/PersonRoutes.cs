using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>The addresses of persons' rights as the API page shows them.</summary>
internal static class PersonRoutes
{
    private const string Group = "Persons";

    public const string Find = "/api/persons/find", Export = "/api/persons/export", Erase = "/api/persons/erase", Restrict = "/api/persons/restrict",
        Release = "/api/persons/release", Request = "/api/persons/requests/{id}", Key = "/api/persons/receipt-key";

    private const string Identifier = "The person is named by one of `visitor_id` (or a whole value of the cookie), `anonymous_id`, `user_id`, `recipient_id`, `email`, `phone`, `external_id` (each hashed at once), "
        + "`email_sha256`, `phone_sha256`, `external_id_sha256`, `device_id`, `person_id`, `event_id`, `client_event_id`; never in the address. What belongs to the same person goes with it (docs/identity.md), "
        + "unless `only` is true; a cookie leads to whoever was claimed on that device. ";

    private const string Example = """{"site_id":"shop","user_id":"user123"}""";

    private const string Erased =
        """
        {"request_id":"0199f000-0000-7000-8000-000000000001","state":"complete","rows":{"events":12,"identity_edges":2},"database_cleaned":true,"collectors":[{"collector_id":"6b0f1c5e-3a52-4a57-9a5e-0d5f3a9c1f11","host":"collector-1","done_at":"2026-11-26T12:00:02+00:00","records":{"journal":4}}],"waiting_for":[],"stays_because_shared":[],"receipt":{"receipt":{},"key":"…","signature":"…"}}
        """;

    private static readonly Problem[] s_problems =
        [Problem.InvalidParameter, Problem.Unauthorized, Problem.PersonNotFound, Problem.PersonUnclear, Problem.StoreAway];

    public static IEnumerable<ApiRoute> All { get; } =
    [
        Post(Find, "Which identifiers are a person's, and how much there is of them", Identifier + "`shared` are devices and mailboxes that others use too: they are not the person's alone. `pairs` say why an identifier is the person's: what events named together, and through which door.", Example,
            new(200, "What there is.", "application/json",
                """{"site_id":"shop","person_id":"user:user123","identifiers":{"visitor_ids":["0199e0a1-0000-4000-8000-000000000001"],"user_ids":["user123"],"email_sha256s":[],"phone_sha256s":[],"external_id_sha256s":[],"device_ids":[]},"shared":[],"pairs":[{"from":"visitor:0199e0a1-0000-4000-8000-000000000001","to":"user:user123","source":"pixel"}],"rows":{"events":12,"identity_edges":2},"collectors":[],"not_answered":[]}"""),
            s_problems),
        Post(Export, "Everything of a person as one JSON document", Identifier + "The document is streamed: one that ends without its last brace was cut off.", Example,
            new(200, "The document.", "application/json", """{"site_id":"shop","person_id":"user:user123","visitor_ids":[],"user_ids":["user123"],"events":[]}"""), s_problems),
        Post(Erase, "Erase a person: nothing of them is taken any more, and what is there goes",
            Identifier + "With `also` go identifiers that are shared with others, and everything that carries them. The same again is harmless.", Example,
            new(200, "Done everywhere (`complete`, with the receipt), or everywhere but at collectors that are away (`waiting`): ask for the request again later.", "application/json", Erased),
            [.. s_problems, Problem.CollectorKeysDiffer]),
        Post(Restrict, "Restrict a person: events are refused until it is lifted, what is there stays and is not used for advertising", Identifier, """{"site_id":"shop","user_id":"user123","lift":false}""",
            new(204, "It holds from now on."), [.. s_problems, Problem.CollectorKeysDiffer]),
        Post(Release, "An erased identifier is legitimately used again: events with it are taken from now on",
            Identifier + "Or by `request_id` alone: all that this erasure erased, also what nobody knows any more to have been the person's.", Example, new(204, "It holds from now on."),
            [.. s_problems, Problem.NotFound, Problem.CollectorKeysDiffer]),
        new("GET", Request, Group, "How an erasure stands, and its receipt")
        {
            Admin = true,
            Parameters = [new("id", "path", "The `request_id` of the erasure.", "0199f000-0000-7000-8000-000000000001")],
            Answers = [new(200, "As the erasure was answered.", "application/json", Erased), .. ApiAnswer.Of(Problem.Unauthorized, Problem.NotFound, Problem.StoreAway)],
        },
        new("GET", Key, Group, "The public key of this server's receipts")
        {
            Admin = true,
            Answers = [new(200, "SubjectPublicKeyInfo in base64: ECDSA on P-256 with SHA-256.", "application/json", """{"key":"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…"}"""), .. ApiAnswer.Of(Problem.Unauthorized)],
        },
    ];

    private static ApiRoute Post(string path, string summary, string description, string example, ApiAnswer answer, Problem[] problems) => new("POST", path, Group, summary)
    {
        Admin = true,
        Description = description.Trim(),
        Bodies = [new("application/json", "person", example)],
        Answers = [answer, .. ApiAnswer.Of(problems)],
    };
}
