using System.Globalization;
using System.Reflection;
using PixelServer.Collect;

namespace PixelServer.Tests.Collect;

/// <summary>docs/collect.md is the wire contract: its tables list exactly what the code has.</summary>
public sealed class CollectDocumentTests
{
    [Fact]
    public void Every_refusal_is_documented_and_no_other() =>
        Assert.Equal(Refusal.All.Select(r => $"`{r.Code}` | {r.Status} | {r.Title}"), Rows("Refusals").Select(row => string.Join(" | ", row)));

    [Fact]
    public void Every_limit_is_documented_with_its_value_and_no_other() =>
        Assert.Equal(
            typeof(Limits).GetFields(BindingFlags.Public | BindingFlags.Static)
                .Select(field => $"`{field.Name}` | {Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}"),
            Rows("Limits").Select(row => $"{row[0]} | {row[1]}"));

    [Fact]
    public void Every_parameter_is_documented_with_its_meaning_and_no_other() =>
        Assert.Equal(
            Parameters.All.Select(p => $"`{p.Query}` | `{p.Json}` | {p.Meaning} | {(p.MaxChars == 0 ? "" : $"{p.MaxChars} characters")}"),
            Rows("Parameters").Select(row => string.Join(" | ", row)));

    [Fact]
    public void The_titles_of_refusals_name_the_limits_of_the_code()
    {
        foreach (var parameter in Parameters.All.Where(p => p.TooLong is not null))
            Assert.Contains($"{parameter.MaxChars}", parameter.TooLong!.Title);
        Assert.Contains($"{Limits.Properties} properties, or more than {Limits.PropertyValues} values", Refusal.TooManyProperties.Title);
        Assert.Contains($"{Limits.PropertyDepth}", Refusal.TooDeep.Title);
        Assert.Contains($"{Limits.PropertyKeyBytes}", Refusal.KeyTooLong.Title);
        Assert.Contains($"{Limits.PropertyBytes}", Refusal.PropertyTooLong.Title);
        Assert.Contains($"{Limits.PropertiesBytes}", Refusal.PropertiesTooLarge.Title);
        Assert.Contains($"{Limits.BeaconQueryChars}", Refusal.QueryTooLong.Title);
        Assert.Contains($"{Limits.BodyBytes} bytes, or {Limits.UnpackedBytes}", Refusal.BodyTooLarge.Title);
        Assert.Contains($"{Limits.BatchEvents} events", Refusal.BatchTooLarge.Title);
        Assert.Contains($"{Limits.BatchRepeatedBytes} bytes", Refusal.BatchTooLarge.Title);
    }

    [Fact]
    public void No_code_is_used_twice_and_only_429_and_503_may_be_sent_again()
    {
        Assert.Equal(Refusal.All.Count, Refusal.All.Select(r => r.Code).Distinct().Count());
        Assert.All(Refusal.All, r => Assert.Equal(r.Status is 429 or 503, r.MayBeRetried));
    }

    // The rows of the first table under a heading, without its two head lines.
    private static List<string[]> Rows(string heading) =>
        [.. File.ReadLines(Path.Combine(Root(), "docs", "collect.md"))
            .SkipWhile(line => line != "## " + heading).Skip(1).SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|'))
            .Skip(2).Select(line => line.Split('|')[1..^1].Select(cell => cell.Trim()).ToArray())];

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "PixelServer.sln"))) directory = directory.Parent!;
        return directory.FullName;
    }
}
