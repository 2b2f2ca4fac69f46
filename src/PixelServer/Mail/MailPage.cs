using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Mail;

/// <summary>The few pages that a reader of a mail may see. They hold no word that came with the request, no script and nothing from elsewhere.</summary>
internal static class MailPage
{
    private const string Style = """
        :root { color-scheme: light dark; }
        body { margin: 0; padding: 12vh 1.5rem 3rem; background: light-dark(#f7f6f2, #16181a); color: light-dark(#22262a, #e8e6e1); font: 1.1rem/1.6 system-ui, sans-serif; }
        main { max-width: 34rem; margin: 0 auto; }
        h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .6em; }
        button { font: inherit; font-weight: 600; margin-top: .5rem; padding: .7em 1.4em; border: 0; border-radius: .5rem; cursor: pointer;
          background: light-dark(#1f6f54, #5cc29b); color: light-dark(#fff, #10211a); }
        button:focus-visible { outline: 3px solid currentColor; outline-offset: 3px; }
        """;

    private static readonly StringValues s_noStore = "no-store";

    // The page's own style and nothing else: no script, no image, no frame around it, and its form goes nowhere but back.
    private static readonly StringValues s_policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static string Ask { get; } = Page("Stop measuring my mails", """
        <p>The sender can see when mails to you are opened and which of their links are followed. If you do not want that, press the button. It
        holds at once, also for mails that you already have. You go on getting the mails, and their links go on working.</p>
        <form method="post"><button>Stop measuring</button></form>
        """);

    public static string Done { get; } = Page("Done", """
        <p>Opens and clicks of mails from this sender to you are no longer recorded. You can close this page.</p>
        """);

    public static string BadLink { get; } = Page("This link is not complete", """
        <p>Perhaps it was broken into two lines. Open it from the mail again, or copy it as a whole.</p>
        """);

    public static string OldLink { get; } = Page("This link is no longer valid", """
        <p>The sender has ended it. Nothing was recorded.</p>
        """);

    public static void WriteHeaders(IHeaderDictionary headers)
    {
        headers.CacheControl = s_noStore;
        headers["Referrer-Policy"] = "no-referrer";
        headers["X-Robots-Tag"] = "noindex";
        headers.XContentTypeOptions = "nosniff";
    }

    public static Task WriteAsync(HttpContext http, int status, string page)
    {
        WriteHeaders(http.Response.Headers);
        http.Response.Headers.XFrameOptions = "DENY"; // nobody puts the button under somebody's pointer
        http.Response.Headers.ContentSecurityPolicy = s_policy;
        return WriteAsync(http, status, "text/html; charset=utf-8", page);
    }

    public static Task WriteTextAsync(HttpContext http, string text)
    {
        WriteHeaders(http.Response.Headers);
        return WriteAsync(http, StatusCodes.Status200OK, "text/plain; charset=utf-8", text);
    }

    private static Task WriteAsync(HttpContext http, int status, string type, string text)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        http.Response.ContentLength = Encoding.UTF8.GetByteCount(text);
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsync(text, http.RequestAborted);
    }

    private static string Page(string title, string content) => $$"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>{{title}}</title>
        <style>{{Style}}</style>
        </head>
        <body>
        <main>
        <h1>{{title}}</h1>
        {{content}}
        </main>
        </body>
        </html>

        """;
}
