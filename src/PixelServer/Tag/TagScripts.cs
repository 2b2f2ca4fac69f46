using System.Collections.Concurrent;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Tag;

/// <summary>The tag of every site. Sites that want the same share one, so that strangers' site ids cost nothing.</summary>
internal sealed class TagScripts(Sites sites, PerSite<TagOptions> options, CollectOptions collect)
{
    private readonly ConcurrentDictionary<TagOptions, Lazy<TagScript>> _made = new();

    /// <summary>The tag of the site, or why it has none here. No id stands for the default site.</summary>
    public Refusal? Find(string? id, out TagScript? script)
    {
        script = null;
        if (sites.Find(id, out var site) is { } refusal) return refusal;
        var own = options.Of(id ?? Parameters.DefaultSite);
        script = _made.GetOrAdd(own with { OptIn = own.OptIn ?? site!.AsksAnywhere }, wanted => new(() => TagScript.Make(wanted, collect.Paths))).Value;
        return null;
    }
}
