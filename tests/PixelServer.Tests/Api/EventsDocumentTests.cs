using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using PixelServer.Api;
using PixelServer.Collect;
using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>docs/events-api.md: its tables are the code's, and its example does what it says.</summary>
public sealed partial class EventsDocumentTests(Chromium chromium, SharedPostgres postgres) : IClassFixture<Chromium>
{
    private static readonly string s_document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "events-api.md"));

    [Fact]
    public void Every_member_is_documented_and_no_other() =>
        Assert.Equal(
            Told.Members.Select(one => $"`{one.Json}` | {one.Meaning} | {(one.MaxChars == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{one.MaxChars} characters"))}"),
            Rows("### Members of an event").Select(row => string.Join(" | ", row)));

    [Fact]
    public void Every_warning_is_documented_and_no_other() =>
        Assert.Equal(Warning.All.Select(one => $"`{one.Code}` | {one.Meaning}"), Rows("### Warnings").Select(row => string.Join(" | ", row)));

    [Fact]
    public void Every_spelling_of_an_identity_is_documented_and_no_other() =>
        Assert.Equal(
            IdentityField.All.Select(one => $"`{one.Name}` | {string.Join(", ", one.Spellings.Select(spelling => $"`{spelling}`"))} | `{one.Hashed}`"),
            Rows("## Who it is").Select(row => $"{row[0]} | {row[1]} | {row[3]}"));

    [Fact]
    public void Every_form_that_is_hashed_is_documented_and_no_other() =>
        Assert.Equal(
            IdentityField.All.SelectMany(one => (IEnumerable<string>)[one.Hashed, .. one.Forms.Select(form => form.Name)]).Select(name => $"`{name}`"),
            Rows("### What is kept").Select(row => row[0]));

    [Fact]
    public async Task Its_first_command_sends_an_event()
    {
        await using var backend = await Backend.StartAsync(clock: new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero))); // the day after the document's
        Assert.Equal("""{"accepted":1,"refused":[],"warnings":[]}""", await RunAsync("bash", Block("bash", 0), backend));
        Assert.Equal(("order_shipped", "c-17"), (backend.Hits.Single().Name, backend.Hits.Single().UserId));
    }

    // A person fills in the form of the page in a real browser; the site's backend gets form and cookie, and tells what became of it, in each language twice.
    [Theory]
    [InlineData("sqlite", "bash", "bash")]
    [InlineData("postgresql", "bash", "bash")]
    [InlineData("sqlite", "python", "python3")]
    [InlineData("sqlite", "js", "node")]
    public async Task The_lead_of_the_page_and_of_the_backend_are_one_conversion(string store, string language, string program)
    {
        await using var backend = await Backend.StartAsync(store == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "");
        await using var shop = new Shop(Block("html", 0).Replace("http://localhost:8080", $"http://localhost:{backend.App.Address.Port}", StringComparison.Ordinal));
        await shop.StartAsync();
        await using var visitor = await chromium.VisitorAsync();
        var page = await visitor.NewPageAsync();
        await page.GotoAsync(shop.Address + "?utm_campaign=autumn");
        await Eventually.TrueAsync(async () => (await visitor.CookiesAsync()).Any(cookie => cookie.Name == VisitorCookie.Name), () => "the page view has its answer");
        await page.FillAsync("[name=email]", "Jane.Doe@Example.com");
        await page.FillAsync("[name=phone]", "+1 415 555 0123");
        await page.ClickAsync("button");
        var sent = await shop.Sent.WaitAsync(TimeSpan.FromSeconds(30));
        await backend.App.StoredAsync(2);

        (string, string)[] lead = [("LEAD_ID", sent["lead_id"]), ("PX_ID", sent["px_id"]), ("EMAIL", sent["email"]), ("PHONE", sent["phone"])];
        var recipe = Block(language, language == "bash" ? 1 : 0);
        for (var i = 0; i < 2; i++) // a CRM that is not sure sends again
            Assert.Equal("""{"accepted":1,"refused":[],"warnings":[]}""", (await RunAsync(program, recipe, backend, lead)).Replace(" ", "", StringComparison.Ordinal));
        await backend.App.StoredAsync(4);

        var events = (await backend.Tables.EventsAsync()).Where(row => (string?)row["name"] == "lead").ToList();
        Assert.Equal(["beacon", "server"], events.Select(row => (string)row["source"]!));
        Assert.All(events, row => Assert.Equal(
            (sent["lead_id"], (string?)events[0]["visitor_id"], "cookie"), ((string?)row["client_event_id"], (string?)row["visitor_id"], (string?)row["visitor_kind"])));
        var conversion = Assert.Single(await backend.Tables.QueryAsync(Block("sql", 0), row => string.Join(' ', Enumerable.Range(0, row.FieldCount).Select(
            column => Convert.ToString(row.GetValue(column), CultureInfo.InvariantCulture)))));
        Assert.Matches($"^both 2 {sent["lead_id"]} cookie c-17 {IdentityHashes.Hash("jane.doe@example.com")} 250(\\.0+)? EUR /$", conversion);
    }

    private static async Task<string> RunAsync(string program, string script, Backend backend, params (string Name, string Value)[] environment)
    {
        string[] arguments = program == "node" ? ["--input-type=module"] : [];
        var start = new ProcessStartInfo(program, arguments);
        foreach (var (name, value) in ((string, string)[])[("SERVER", backend.App.Address.GetLeftPart(UriPartial.Authority)), ("KEY", backend.Secret), .. environment]) start.Environment[name] = value;
        var (code, said, complained) = await Command.RunAsync(start, script);
        Assert.Equal((0, ""), (code, complained));
        return said.Trim();
    }

    private static string Block(string language, int index) => Blocks().Matches(s_document).Where(block => block.Groups["language"].Value == language).ElementAt(index).Groups["code"].Value;

    // The rows of the first table under a heading, without its two head lines.
    private static List<string[]> Rows(string heading) =>
        [.. s_document.Split('\n').SkipWhile(line => line != heading).Skip(1).SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|'))
            .Skip(2).Select(line => line.Split('|')[1..^1].Select(cell => cell.Trim()).ToArray())];

    [GeneratedRegex("^```(?<language>[a-z]+)\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    /// <summary>The site: one page, and the backend that gets its form.</summary>
    private sealed class Shop : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly TaskCompletionSource<IReadOnlyDictionary<string, string>> _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Shop(string page)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseUrls(new Uri(Address).GetLeftPart(UriPartial.Authority).Replace("localhost", "127.0.0.1", StringComparison.Ordinal));
            _app = builder.Build();
            _app.Run(async http =>
            {
                http.Response.ContentType = "text/html; charset=utf-8";
                if (http.Request.Path == "/contact")
                {
                    var form = await http.Request.ReadFormAsync();
                    _sent.TrySetResult(form.ToDictionary(field => field.Key, field => field.Value.ToString())
                        .Append(KeyValuePair.Create("px_id", http.Request.Cookies["px_id"] ?? "")).ToDictionary());
                    await http.Response.WriteAsync("<!doctype html><title>Thanks</title>");
                    return;
                }

                await http.Response.WriteAsync("<!doctype html><title>Contact</title>" + page);
            });
        }

        /// <summary>Cookies know no ports: under the same name as the collector the browser sends this site the collector's cookie, as under names of one domain.</summary>
        public string Address { get; } = $"http://localhost:{Ports.Free()}/";

        /// <summary>The form and the cookie that the backend got.</summary>
        public Task<IReadOnlyDictionary<string, string>> Sent => _sent.Task;

        public Task StartAsync() => _app.StartAsync();

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
