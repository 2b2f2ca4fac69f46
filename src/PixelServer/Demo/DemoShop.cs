using System.Buffers.Text;
using System.Security.Cryptography;
using PixelServer.Collect;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Demo;

/// <summary>Serves the files beside this one, which are part of the program, and the list of what was stored.</summary>
internal sealed class DemoShop(PathOptions paths, string here, MailLinks links, IEventStore store, TimeProvider clock)
{
    private const int Shown = 50;

    private static readonly Dictionary<string, (string Type, string Text)> s_files = new(StringComparer.Ordinal)
    {
        ["shop.css"] = ("text/css", Read("shop.css")),
        ["shop.js"] = ("text/javascript", Read("shop.js")),
        ["vendors.js"] = ("text/javascript", Read("vendors.js")),
    };

    private static readonly string s_shop = Read("index.html"), s_mail = Read("mail.html");

    public Task AnswerAsync(HttpContext http)
    {
        var response = http.Response;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        if (!HttpMethods.IsGet(http.Request.Method)) return Problem.MethodNotAllowed.WriteAsync(http);
        return http.Request.Path.Value switch
        {
            "/demo" => Redirect(response),
            "/demo/events" => EventsAsync(http),
            // The shop's own pages have no files: its script makes them.
            "/demo/" or "/demo/boots" or "/demo/scarf" or "/demo/thanks" => PageAsync(http, s_shop),
            "/demo/mail" => Mail(out var fault) is { } mail ? PageAsync(http, mail) : Problem.InvalidParameter.WriteAsync(http, fault),
            "/demo/lookbook.pdf" => WriteAsync(response, "text/plain", "A lookbook would be here.\n"),
            { } path when s_files.TryGetValue(path["/demo/".Length..], out var file) => WriteAsync(response, file.Type, file.Text),
            _ => Problem.NotFound.WriteAsync(http),
        };
    }

    private Task PageAsync(HttpContext http, string page)
    {
        // A strict policy, so that the shop shows that the tag works under one.
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        http.Response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'nonce-{nonce}' 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        return WriteAsync(http.Response, "text/html", page
            .Replace("{nonce}", nonce, StringComparison.Ordinal)
            .Replace("{tag}", $"{paths.Tag}?id={DemoSetup.Site}", StringComparison.Ordinal));
    }

    // As a sender makes it: one mail to one recipient, whose links lead back to the shop.
    private string? Mail(out string? fault)
    {
        var mail = links.Make(
            new()
            {
                SiteId = DemoSetup.Site,
                MessageId = "boots-are-back",
                RecipientId = "reader-1",
                Campaign = "boots",
                SentAt = clock.GetUtcNow().AddHours(-1),
                Links = [here + "/demo/boots", here + "/demo/scarf"],
            },
            here, out fault);
        return mail is null ? null : s_mail.Replace("{open}", mail.Open, StringComparison.Ordinal).Replace("{withdraw}", mail.Withdraw, StringComparison.Ordinal)
            .Replace("{link0}", mail.Links[0].Tracked, StringComparison.Ordinal).Replace("{link1}", mail.Links[1].Tracked, StringComparison.Ordinal);
    }

    private async Task EventsAsync(HttpContext http)
    {
        IReadOnlyList<string> events;
        try
        {
            events = await store.RecentAsync(DemoSetup.Site, Shown, http.RequestAborted);
        }
        catch (Exception) when (!http.RequestAborted.IsCancellationRequested)
        {
            await Problem.StoreAway.WriteAsync(http); // the seam's contract: any failure of a store means that it is away
            return;
        }

        await WriteAsync(http.Response, "application/json", "[" + string.Join(",\n", events) + "]");
    }

    private static Task Redirect(HttpResponse response)
    {
        response.Redirect("/demo/");
        return Task.CompletedTask;
    }

    private static Task WriteAsync(HttpResponse response, string type, string text)
    {
        response.ContentType = type + "; charset=utf-8";
        return response.WriteAsync(text, response.HttpContext.RequestAborted);
    }

    private static string Read(string file)
    {
        using var stream = typeof(DemoShop).Assembly.GetManifestResourceStream("Demo/Pages/" + file)
            ?? throw new InvalidOperationException($"Demo/Pages/{file} is not embedded.");
        return new StreamReader(stream).ReadToEnd();
    }
}
