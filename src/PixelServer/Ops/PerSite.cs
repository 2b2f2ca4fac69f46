using System.Collections.Frozen;

namespace PixelServer.Ops;

/// <summary>One stage's options of every site; made by <see cref="Settings.ReadPerSite"/>.</summary>
internal sealed class PerSite<T>(FrozenDictionary<string, T> listed, T other) where T : class
{
    /// <summary>Those of the default site where the id is not listed. Ids are case-sensitive.</summary>
    public T Of(string siteId) => listed.GetValueOrDefault(siteId, other);
}
