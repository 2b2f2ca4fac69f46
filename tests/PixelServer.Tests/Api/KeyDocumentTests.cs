using PixelServer.Collect;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Api;

/// <summary>docs/api-keys.md against the code.</summary>
public sealed class KeyDocumentTests
{
    [Fact]
    public void Every_answer_to_a_key_is_documented_with_its_status()
    {
        var rows = File.ReadLines(Path.Combine(Repository.Root, "docs", "api-keys.md")).SkipWhile(line => line != "## Refusals").SkipWhile(line => !line.StartsWith('|'))
            .TakeWhile(line => line.StartsWith('|')).Skip(2).Select(line => line.Split('|')).Select(cells => $"{cells[1].Trim(' ', '`')} {cells[2].Trim()}").Order();
        Refusal[] all = [.. Refusal.All.Where(one => one.NeedsKey && one.Code.Contains("key", StringComparison.Ordinal) && one != Refusal.BadIdempotencyKey), Refusal.OriginNotAllowed, Refusal.RateLimited];

        Assert.Equal(all.Select(one => $"{one.Code} {one.Status}").Order(), rows);
    }
}
