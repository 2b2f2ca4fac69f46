using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace PixelServer.Ops;

/// <summary>What a person wants to know the moment the server listens: where everything is, what to paste into a page, the new admin token.</summary>
internal sealed class Banner(
    IServer server, IEnumerable<Door> doors, Func<JournalReading> journal, Func<StoreReading> store, DataDirectory directory,
    AdminToken token, OpsOptions options, Terminal terminal, ILogger<Banner> logger)
{
    public void Print()
    {
        var at = server.Features.Get<IServerAddressesFeature>()?.Addresses.Select(Reachable).FirstOrDefault() ?? "";
        var (acknowledge, storeName) = (journal().Acknowledge, store().Name);

        if (options.LogFormat == LogFormat.Json)
        {
            logger.LogInformation("Listening on {Address}; store {Store}, data directory {DataDirectory}, acknowledge {Acknowledge}",
                at, storeName, directory.Root, acknowledge);
            // Not a log event: log collectors keep what they get, and this is shown to one person once.
            if (token.JustMade is not null) terminal.Write($"Admin token (shown only now): {token.JustMade}\n");
            return;
        }

        terminal.Write(Text(at, doors.ToDictionary(door => door.Name, door => door.Path), storeName, directory.Root, acknowledge, token.JustMade));
    }

    /// <param name="at">Scheme, host and port, without a slash at the end.</param>
    /// <param name="doors">Paths by name.</param>
    /// <param name="store">Name of the store.</param>
    /// <param name="directory">The data directory.</param>
    /// <param name="acknowledge">When a 2xx is sent.</param>
    /// <param name="newToken">Null unless this run made it.</param>
    public static string Text(string at, IReadOnlyDictionary<string, string> doors, string store, string directory, string acknowledge, string? newToken)
    {
        var text = new StringBuilder("\n  PixelServer is listening.\n\n");
        foreach (var (name, path) in doors) Line(name, at + path);
        Line("API page", at + "/swagger");
        Line("health", $"{at}/healthz  {at}/readyz  {at}/metrics");
        Line("store", store);
        Line("data", directory);
        Line("acknowledge", acknowledge);
        if (newToken is not null) Line("admin token", newToken + "   (shown only now)");
        if (doors.TryGetValue("pixel", out var pixel))
            text.Append($"\n  Paste into a page or a mail:\n    <img src=\"{at}{pixel}?e=page_view\" width=\"1\" height=\"1\" alt=\"\">\n");
        if (doors.TryGetValue("tag", out var tag))
            text.Append($"\n  Or, for everything that happens in a page (`pixel tag` prints the longer form):\n    <script async src=\"{at}{tag}\"></script>\n");
        if (newToken is not null)
            text.Append($"\n  See what arrived:\n    curl -H \"Authorization: Bearer {newToken}\" {at}/api/events\n");
        return text.Append('\n').ToString();

        void Line(string name, string value) => text.Append($"  {name,-12} {Visible.Of(value)}\n");
    }

    /// <summary>An address that also works in a browser: "any interface" is no host.</summary>
    public static string Reachable(string address)
    {
        foreach (var any in (ReadOnlySpan<string>)["://0.0.0.0", "://[::]", "://*", "://+"])
            if (address.Contains(any, StringComparison.Ordinal)) return address.Replace(any, "://localhost", StringComparison.Ordinal).TrimEnd('/');
        return address.TrimEnd('/');
    }
}
