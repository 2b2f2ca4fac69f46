using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

/// <summary>docs/mail.md: what it tells senders to run makes links that the server takes.</summary>
public sealed partial class MailDocumentTests
{
    [Fact]
    public Task The_recipe_for_a_shell_makes_links_that_work() => AssertWorksAsync("bash", Recipe("bash"));

    [Fact]
    public Task The_recipe_in_Python_makes_links_that_work() => AssertWorksAsync("python3", Recipe("python") + """

        import os
        server, key_id, secret = os.environ["SERVER"], os.environ["KEY_ID"], os.environ["SECRET"]
        print(f'{server}/o/{token("o", key_id, secret, s="shop", m="autumn-2026", r="4711")}.gif')
        print(f'{server}/c/{token("c", key_id, secret, s="shop", m="autumn-2026", r="4711", u="https://shop.example/boots", i=0, n=1)}')
        print(f'{server}/u/{token("u", key_id, secret, s="shop", r="4711")}')
        """);

    private static async Task AssertWorksAsync(string program, string recipe)
    {
        const string Secret = "it's-a-$ecret-with-\"+/%\\-in-it-0123";
        await using var app = await PixelApp.StartAsync(settings: ["--Pixel:Mail:KeyId=mine", $"--Pixel:Mail:Keys:mine={Secret}"]);

        var links = await RunAsync(program, recipe, ("SERVER", app.Address.GetLeftPart(UriPartial.Authority)), ("KEY_ID", "mine"), ("SECRET", Secret));

        Assert.Equal(3, links.Length);
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(links[0])).StatusCode);
        using var click = await app.GetAsync(links[1]);
        Assert.Equal((HttpStatusCode.Redirect, "https://shop.example/boots"), (click.StatusCode, click.Headers.Location?.OriginalString));
        Assert.Equal(HttpStatusCode.OK, (await app.GetAsync(links[2])).StatusCode);
        var events = await app.EventsAsync(2);
        Assert.Equal([("email_open", "4711"), ("email_click", "4711")], events.Select(row => ((string?)row["name"], (string?)row["user_id"])));
        Assert.Equal((0, 1), ((int)events[1]["properties"]!["link_index"]!, (int)events[1]["properties"]!["link_count"]!));
    }

    private static async Task<string[]> RunAsync(string program, string script, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var (code, said, complained) = await Command.RunAsync(start, script);
        Assert.Equal((0, ""), (code, complained));
        return said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    // The first block of that language below the heading.
    private static string Recipe(string language)
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "mail.md"));
        var below = document[document.IndexOf("### Making tokens yourself", StringComparison.Ordinal)..];
        return Block().Matches(below).First(block => block.Groups["language"].Value == language).Groups["code"].Value;
    }

    [GeneratedRegex("^```(?<language>[a-z0-9]+)\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
