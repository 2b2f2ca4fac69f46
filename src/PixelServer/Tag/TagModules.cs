using System.Reflection;

namespace PixelServer.Tag;

/// <summary>One source file of the tag.</summary>
/// <param name="Name">File name under <c>Tag/Source</c>.</param>
/// <param name="Text">The source as a person reads it.</param>
internal sealed record TagModule(string Name, string Text);

/// <summary>The files that the tag is put together from, in the order in which they stand in one function.</summary>
internal static class TagModules
{
    // What a file declares the files below it can use; functions also those above. start.js sets everything going: it is last.
    private static readonly (string Name, Func<TagOptions, bool> IsWanted)[] s_table =
    [
        ("core.js", _ => true),
        ("consent.js", _ => true),
        ("optin.js", options => options.OptIn is true),
        ("delivery.js", _ => true),
        ("page.js", options => options.PageView),
        ("navigation.js", options => options.SinglePage),
        ("clicks.js", options => options.Outbound || options.Downloads || options.Attributes),
        ("outbound.js", options => options.Outbound),
        ("downloads.js", options => options.Downloads),
        ("attributes.js", options => options.Attributes),
        ("scroll.js", options => options.Scroll),
        ("forms.js", options => options.Forms),
        ("engagement.js", options => options.Engagement),
        ("globals.js", options => options.Cmp || options.Vendors.Any),
        ("cmp.js", options => options.Cmp),
        ("vendors.js", options => options.Vendors.Any),
        ("vendors-meta.js", options => options.Vendors.Meta),
        ("vendors-google.js", options => options.Vendors.Google),
        ("vendors-linkedin.js", options => options.Vendors.LinkedIn),
        ("vendors-x.js", options => options.Vendors.X),
        ("vendors-tiktok.js", options => options.Vendors.TikTok),
        ("vendors-reddit.js", options => options.Vendors.Reddit),
        ("vendors-pinterest.js", options => options.Vendors.Pinterest),
        ("start.js", _ => true),
    ];

    /// <summary>Those that the options ask for.</summary>
    public static IReadOnlyList<TagModule> Of(TagOptions options) =>
        [.. s_table.Where(row => row.IsWanted(options)).Select(row => new TagModule(row.Name, Read(row.Name)))];

    public static IEnumerable<string> Names => s_table.Select(row => row.Name);

    private static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Tag/Source/" + name)
            ?? throw new InvalidOperationException($"Tag/Source/{name} is not in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
