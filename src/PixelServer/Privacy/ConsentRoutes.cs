using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>The addresses of consent records as the API page shows them.</summary>
internal static class ConsentRoutes
{
    public const string Path = "/api/consents";

    private const string Group = "Privacy";

    private const string Granted =
        """{"record_id":"banner-8812-ads","site_id":"shop","subject":{"kind":"user","id":"4711"},"purpose":"ads","decision":"granted","method":"banner","text_id":"banner-7","text":"May we show you ads that fit?","locale":"en","policy_version":"2026-11","page":"https://shop.example/"}""";

    private const string Withdrawn =
        """[{"site_id":"shop","subject":{"kind":"visitor","id":"01937c5e-0000-4000-8000-000000000001"},"purpose":"measurement","decision":"withdrawn","method":"footer_link"},{"site_id":"shop","subject":{"kind":"recipient","id":"4711"},"purpose":"email","decision":"denied","method":"form"}]""";

    public static IEnumerable<ApiRoute> All { get; } =
    [
        new("POST", Path, Group, "Record what persons decided, as proof and in force from now on")
        {
            Admin = true,
            Description = $"One object or an array of 1 to {ConsentEndpoints.MaxRecords}, one purpose each; all of them or none. Answered when the records are on disk: they hold at the doors from then on, and "
                + "reach the store as soon as it can be asked. The latest `at` of a person and purpose holds, of two at once the no; an older record changes nothing. `record_id` makes a repetition harmless. docs/proof.md has every member.",
            Bodies = [new("application/json", "granted", Granted), new("application/json", "several", Withdrawn)],
            Answers =
            [
                new(200, "They are kept. `repeated` counts those that were there already.", "application/json", """{"recorded":1,"repeated":0,"record_ids":["banner-8812-ads"]}"""),
                .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.RecordIdTaken, Problem.DecisionNotKept),
            ],
        },
        new("GET", Path, Group, "What a person decided: what holds for each purpose, and the records that prove it")
        {
            Admin = true,
            Parameters =
            [
                new("site", "query", "The site; default if absent.", "shop"), new("kind", "query", "`visitor`, `user`, `email_sha256` or `recipient`.", "user"),
                new("id", "query", "Their id of that kind.", "4711"),
            ],
            Answers =
            [
                new(200, "Latest first. `allowed`: a yes that has not expired.", "application/json",
                    """{"site_id":"shop","subject":{"kind":"user","id":"4711"},"state":[{"purpose":"ads","decision":"granted","at":"2026-11-26T10:00:00+00:00","allowed":true,"record_id":"banner-8812-ads"}],"history":[{"record_id":"banner-8812-ads","purpose":"ads","decision":"granted","at":"2026-11-26T10:00:00+00:00","recorded_at":"2026-11-26T10:00:00+00:00","method":"banner","actor":"person","text_id":"banner-7","chain":"01937c5e-0000-4000-8000-000000000002","seq":1,"prev_hash":"0000000000000000000000000000000000000000000000000000000000000000","hash":"…"}]}"""),
                .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.StoreAway),
            ],
        },
    ];
}
