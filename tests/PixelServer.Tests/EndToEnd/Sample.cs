using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace PixelServer.Tests.EndToEnd;

/// <summary>An event whose whole content follows from its id, so that a row can be checked when nothing but the id is remembered.</summary>
internal sealed record Sample(string Id, string Name, string User, string Url, string Note)
{
    private static readonly string[] s_pieces =
        ["a", "Z", "7", " ", "+", "%", "&", "=", "#", "\"", "'", "\\", "/", "<b>", ";", ",", "{", "}", "\t", "\n", "ä", "ß", "Ж", "日", "😀", "e\u0301", "\u202E", "\u00A0"];

    /// <summary>Over everything that the row must hold; sent along, so that a row proves itself.</summary>
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Id}\0{Name}\0{User}\0{Url}\0{Note}")));

    public static Sample Of(string id)
    {
        var random = new Random(BitConverter.ToInt32(SHA256.HashData(Encoding.UTF8.GetBytes(id))));
        var note = new StringBuilder();
        for (var left = random.Next(120); left > 0; left--) note.Append(s_pieces[random.Next(s_pieces.Length)]);
        return new(id, $"test_{random.Next(5)}", $"user{random.Next(1_000)}",
            string.Create(CultureInfo.InvariantCulture, $"https://shop.example/p/{random.Next(10_000)}?utm_source=s{random.Next(9)}&x=%C3%A4"), $"[{note}]");
    }

    public byte[] AsPixel(string host) => Encoding.ASCII.GetBytes(
        $"GET /p.gif?eid={Id}&e={Name}&u={User}&url={Uri.EscapeDataString(Url)}&note={Uri.EscapeDataString(Note)}&hash={Hash} HTTP/1.1\r\n"
        + $"Host: {host}\r\nUser-Agent: kill-test\r\n\r\n");

    /// <summary>As a page's <c>sendBeacon</c> with a string sends it.</summary>
    public static byte[] AsBeacon(string host, IReadOnlyList<Sample> samples)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(samples.Select(one => new
        {
            event_id = one.Id,
            @event = one.Name,
            user_id = one.User,
            url = one.Url,
            properties = new { note = one.Note, hash = one.Hash },
        }));
        var head = $"POST /b HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kill-test\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {body.Length}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }
}
