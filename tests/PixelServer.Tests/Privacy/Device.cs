using PixelServer.Tests.Support;

namespace PixelServer.Tests.Privacy;

/// <summary>A browser as far as cookies go: it keeps what the server sets, each under its name and domain, and sends all of them back.</summary>
internal sealed class Device(PixelApp app)
{
    private readonly SortedDictionary<string, string> _cookies = new(StringComparer.Ordinal);

    /// <summary>Names and values as they would be sent, without what makes an id one of its own.</summary>
    public string Cookies => string.Join("; ", _cookies.Values.Select(one => one.StartsWith("px_id=", StringComparison.Ordinal) ? "px_id" : one));

    public Guid Visitor => Guid.Parse(_cookies.Values.Single(one => one.StartsWith("px_id=", StringComparison.Ordinal))["px_id=".Length..][..32]);

    /// <summary>As a cookie that another setting of the server once set.</summary>
    public void Keep(string domain, string cookie) => _cookies[cookie.Split('=')[0] + domain] = cookie;

    public string One(string name) => _cookies.Values.Single(one => one.StartsWith(name + "=", StringComparison.Ordinal));

    /// <summary>The code of a refusal, or null.</summary>
    public async Task<string?> PixelAsync(string query, params (string Name, string Value)[] headers)
    {
        using var answer = await SendAsync(HttpMethod.Get, $"/p.gif?id=shop&{query}", null, headers);
        return answer.Headers.TryGetValues("X-Pixel-Refused", out var code) ? code.Single() : null;
    }

    public async Task<string> BeaconAsync(string body, params (string Name, string Value)[] headers)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await SendAsync(HttpMethod.Post, "/b", content, headers);
        return $"{(int)answer.StatusCode}{await answer.Content.ReadAsStringAsync()}";
    }

    public async Task<string> TextAsync(string path, params (string Name, string Value)[] headers)
    {
        using var answer = await SendAsync(HttpMethod.Get, path, null, headers);
        return await answer.Content.ReadAsStringAsync();
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (_cookies.Count > 0) request.Headers.Add("Cookie", string.Join("; ", _cookies.Values));
        foreach (var (name, value) in headers) request.Headers.Add(name, value);
        var answer = await app.Client.SendAsync(request);
        if (answer.Headers.TryGetValues("Set-Cookie", out var set)) foreach (var line in set) Take(line);
        return answer;
    }

    private void Take(string line)
    {
        var parts = line.Split("; ");
        var domain = parts.SingleOrDefault(part => part.StartsWith("Domain=", StringComparison.Ordinal))?["Domain=".Length..] ?? "";
        var key = parts[0].Split('=')[0] + domain;
        if (parts.Contains("Max-Age=0")) _cookies.Remove(key);
        else _cookies[key] = parts[0];
        Assert.Contains("HttpOnly", parts);
    }

    /// <summary>Rows of the app's own database, columns with spaces between them.</summary>
    public static List<string> Ask(PixelApp app, string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(app.DataDirectory, "pixel.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var rows = command.ExecuteReader();
        var found = new List<string>();
        while (rows.Read()) found.Add(string.Join(' ', Enumerable.Range(0, rows.FieldCount).Select(rows.GetString)));
        return found;
    }
}
