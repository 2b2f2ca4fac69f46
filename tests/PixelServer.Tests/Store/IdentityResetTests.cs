using PixelServer.Tests.EndToEnd;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

/// <summary>Through the real program: a login finds what came before it, and a reset ends it.</summary>
public sealed class IdentityResetTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task After_a_reset_the_device_is_a_stranger_and_the_next_user_inherits_nothing(string kind)
    {
        var connection = kind == "postgresql" ? await postgres.Cluster.CreateDatabaseAsync() : "";
        await using var app = await PixelApp.StartAsync(connection);
        string? cookie = null;
        foreach (var query in new[] { "e=before", "e=login&u=anna", "e=logout&$reset=1", "e=between", "e=login&u=ben", "e=after" }) await LoadAsync(query);
        await app.StoredAsync(6);

        var tables = kind == "postgresql" ? Tables.Postgres(connection) : Tables.Sqlite(Path.Combine(app.DataDirectory, "pixel.db"));
        Assert.Equal(
            ["before user:anna", "login user:anna", "logout user:ben", "between user:ben", "login user:ben", "after user:ben"],
            await tables.QueryAsync("select name, person_id from person_events order by received_at, event_id", row => $"{row.GetString(0)} {row.GetString(1)}"));
        Assert.Equal(["anna 1", "ben 1"], await tables.QueryAsync(
            "select to_id, count(*) from identity_edges where from_kind = 'visitor' group by to_id order by to_id", row => $"{row.GetString(0)} {row.GetInt64(1)}"));
        Assert.Equal(0, await tables.CountAsync("identity_refused"));

        async Task LoadAsync(string query)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/p.gif?id=shop&" + query);
            if (cookie is not null) request.Headers.Add("Cookie", cookie);
            using var answer = await app.Client.SendAsync(request);
            answer.EnsureSuccessStatusCode();
            if (answer.Headers.TryGetValues("Set-Cookie", out var set)) cookie = set.Single().Split(';')[0];
        }
    }
}
