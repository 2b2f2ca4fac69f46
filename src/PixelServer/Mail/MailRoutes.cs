using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Mail;

/// <summary>The mail's addresses as the API page shows them.</summary>
internal static class MailRoutes
{
    private const string Group = "Mail";

    public const string Links = "/api/mail/links", Recipients = "/api/mail/recipients", Stop = "/api/mail/stop";

    private static readonly ApiParameter s_token = new("token", "path", "As `POST /api/mail/links` or a sender's own program made it.", "k1.eyJzIjoic2hvcCJ9.AAAAAAAAAAAAAAAAAAAAAA");

    public static IEnumerable<ApiRoute> Of(PathOptions paths) =>
    [
        .. from method in (IEnumerable<string>)["GET", "HEAD"] select new ApiRoute(method, paths.Open + "/{token}.gif", Group,
            method == "GET" ? "A mail was shown; the same 43-byte GIF for every token, good or not" : "The headers of the GIF; not counted")
        {
            Parameters = [s_token],
            Answers = [new(200, "The GIF.", method == "GET" ? "image/gif" : null), new(503, "The same, while the journal takes nothing.")],
        },
        .. from method in (IEnumerable<string>)["GET", "HEAD"] select new ApiRoute(method, paths.Click + "/{token}", Group,
            method == "GET" ? "A link of a mail was followed" : "The same answer; not counted")
        {
            Parameters = [s_token],
            Answers =
            [
                new(302, "To the address that was signed."), new(404, "No token of this server: a page that says so.", "text/html"),
                new(410, "Expired, or stopped by the sender: a page that says so.", "text/html"),
            ],
        },
        new("GET", paths.Withdraw + "/{token}", Group, "A page with one button; does nothing by itself")
        {
            Parameters = [s_token],
            Answers = [new(200, "The page.", "text/html"), new(404, "No token of this server: a page that says so.", "text/html")],
        },
        new("HEAD", paths.Withdraw + "/{token}", Group, "The headers of that page")
        {
            Parameters = [s_token],
            Answers = [new(200, "The headers."), new(404, "No token of this server.")],
        },
        new("POST", paths.Withdraw + "/{token}", Group, "Withdraw: nothing of this recipient is recorded from now on, also for mails already sent")
        {
            Description = "RFC 8058: no cookie, no login, no redirect; any body is taken. A token that is not ours gets the same answer, unless the client asks for HTML.",
            Parameters = [s_token],
            Bodies = [new("application/x-www-form-urlencoded", "one-click", "List-Unsubscribe=One-Click")],
            Answers = [new(200, "Done.", "text/plain", "Done."), new(404, "With `Accept: text/html`: no token of this server.", "text/html"), new(503, "It could not be written to disk; send it again.")],
        },
        new("POST", Links, Group, "The addresses that stand in one mail to one recipient")
        {
            Admin = true,
            Description = "Keeps nothing: what a link means stands in the link, signed. `sent_at` lets machine opens be told by their haste; `expires_at` and `trap` (a link that no "
                + $"reader sees) may be left out. Ids are the sender's own; addresses and hashes are refused. At most {MailLinks.MaxLinks} links.",
            Bodies =
            [
                new("application/json", "mail",
                    """{"site_id":"shop","message_id":"autumn-2026","recipient_id":"4711","campaign":"autumn","sent_at":"2026-11-24T10:00:00Z","links":["https://shop.example/boots"]}"""),
            ],
            Answers =
            [
                new(200, "The addresses.", "application/json",
                    """{"open":"https://t.example.com/o/k1.….gif","withdraw":"https://t.example.com/u/k1.…","links":[{"url":"https://shop.example/boots","tracked":"https://t.example.com/c/k1.…"}]}"""),
                .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized),
            ],
        },
        new("GET", Recipients, Group, "What a recipient decided, and whether the image belongs into the next mail to them")
        {
            Admin = true,
            Parameters = [new("site", "query", "The site; default if absent.", "shop"), new("recipient", "query", "The sender's id of the recipient.", "4711")],
            Answers =
            [
                new(200, "`tracking` is null where nothing was decided.", "application/json",
                    """{"tracking":false,"decided_at":"2026-11-24T10:00:00+00:00","decided_by":"recipient","include_pixel":false}"""),
                .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized),
            ],
        },
        new("POST", Recipients, Group, "Record that a recipient agreed or withdrew")
        {
            Admin = true,
            Bodies = [new("application/json", "withdrawn", """{"site_id":"shop","recipient_id":"4711","tracking":false}""")],
            Answers = [new(204, "It holds from now on, also for mails already sent."), .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.DecisionNotKept)],
        },
        new("POST", Stop, Group, "Stop recording, and if asked also redirecting, for one message or for all mails of a site")
        {
            Admin = true,
            Description = "Without `message_id` for the whole site. `tracking` is false if absent; `{\"tracking\":true}` takes it back. With `redirects` false links lead nowhere any more.",
            Bodies = [new("application/json", "message", """{"site_id":"shop","message_id":"autumn-2026","redirects":true}""")],
            Answers = [new(204, "It holds from now on."), .. ApiAnswer.Of(Problem.InvalidParameter, Problem.Unauthorized, Problem.DecisionNotKept)],
        },
    ];
}
