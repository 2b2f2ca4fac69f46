using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>What the doors of the real server do about somebody who was erased or restricted, at once, after a restart and at another collector.</summary>
public sealed class StandingDoorTests(SharedPostgres postgres)
{
    private static readonly DateTimeOffset s_at = TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task Every_public_door_refuses_somebody_who_was_erased_or_restricted_and_takes_others()
    {
        await using var app = await PixelApp.StartAsync();
        await DecideAsync(app, User("gone"), new() { Kept = Word.No(s_at) });
        await DecideAsync(app, User("halted"), new() { Processed = Word.No(s_at) });

        Assert.Equal("person_erased", await PixelAsync(app, "/p.gif?u=gone"));
        Assert.Equal("person_restricted", await PixelAsync(app, "/p.gif?u=halted"));
        Assert.Null(await PixelAsync(app, "/p.gif?u=gone&id=other")); // of another site it is another person
        using var answer = await app.Client.PostAsync("/b", new StringContent("""[{"user_id":"gone"},{"user_id":"stays"},{"user_id":"halted"}]""", Encoding.UTF8, "application/json"));
        Assert.Equal("""{"accepted":1,"refused":[{"index":0,"code":"person_erased"},{"index":2,"code":"person_restricted"}]}""", (await answer.Content.ReadAsStringAsync()).Trim());
        await app.StoredAsync(2);
    }

    [Fact]
    public async Task The_device_of_an_erased_visitor_becomes_a_new_visitor_and_that_of_a_restricted_one_is_refused()
    {
        await using var app = await PixelApp.StartAsync();
        var (first, cookie) = await VisitAsync(app, null);
        Assert.Equal((first, null), (await VisitAsync(app, cookie))); // known, and nothing to set

        var keys = app.Services.GetRequiredService<SubjectKeys>();
        await DecideAsync(app, _ => keys.Of("default", first), new() { Kept = Word.No(s_at) });
        var (second, newCookie) = await VisitAsync(app, cookie);
        Assert.NotEqual(first, second);
        Assert.NotNull(newCookie);

        await DecideAsync(app, _ => keys.Of("default", second), new() { Processed = Word.No(s_at) });
        Assert.Equal("person_restricted", await PixelAsync(app, "/p.gif", newCookie));
        await DecideAsync(app, _ => keys.Of("default", second), new() { Processed = Word.Yes(s_at.AddSeconds(1)) });
        Assert.Equal(second, (await VisitAsync(app, newCookie)).Visitor);
    }

    [Fact]
    public async Task It_holds_after_a_restart_with_the_database_away()
    {
        using var folder = new TempFolder();
        await using (var app = await PixelApp.StartAsync(directory: folder.Path)) await DecideAsync(app, User("gone"), new() { Kept = Word.No(s_at) });

        await using var again = await PixelApp.StartAsync(postgres: "Host=127.0.0.1;Port=1;Username=nobody;Timeout=1", directory: folder.Path);
        Assert.Equal("person_erased", await PixelAsync(again, "/p.gif?u=gone"));
        Assert.Null(await PixelAsync(again, "/p.gif?u=stays"));
    }

    [Fact]
    public async Task Another_collector_of_the_same_store_and_secret_hears_of_it()
    {
        var database = await postgres.Cluster.CreateDatabaseAsync();
        string[] settings = ["--Pixel:CookieKey=0123456789012345678901234567890123456789", "--Pixel:Privacy:SyncEvery=00:00:00.1"];
        await using var one = await PixelApp.StartAsync(database, settings: settings);
        await using var other = await PixelApp.StartAsync(database, settings: settings);
        await DecideAsync(one, User("gone"), new() { Kept = Word.No(s_at) });

        await Eventually.TrueAsync(async () => await PixelAsync(other, "/p.gif?u=gone") == "person_erased", () => other.Output);
    }

    private static Func<SubjectKeys, UInt128> User(string id) => keys => keys.Of("default", SubjectKind.User, id);

    private static Task DecideAsync(PixelApp app, Func<SubjectKeys, UInt128> subject, Standing standing) =>
        app.Services.GetRequiredService<StandingExchange>().DecideAsync([new(subject(app.Services.GetRequiredService<SubjectKeys>()), standing)]);

    private static async Task<string?> PixelAsync(PixelApp app, string address, string? cookie = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        using var answer = await app.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return answer.Headers.TryGetValues("X-Pixel-Refused", out var codes) ? codes.Single() : null;
    }

    // The visitor of the event, and the cookie that came with the answer.
    private static async Task<(Guid Visitor, string? Cookie)> VisitAsync(PixelApp app, string? cookie)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/p.gif");
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        var before = app.Ledger.Read().Stored;
        using var answer = await app.Client.SendAsync(request);
        var set = answer.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.Single().Split(';')[0] : null;
        await app.StoredAsync(before + 1);
        var newest = System.Text.Json.JsonDocument.Parse((await app.Services.GetRequiredService<IEventStore>().RecentAsync(null, 1, default))[0]).RootElement;
        return (newest.GetProperty("visitor_id").GetGuid(), set);
    }
}
