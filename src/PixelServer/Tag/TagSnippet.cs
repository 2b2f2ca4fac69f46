using System.Net;

namespace PixelServer.Tag;

/// <summary>What is pasted into a page.</summary>
internal static class TagSnippet
{
    /// <summary>Takes calls before the file is there, each with the time when it was made.</summary>
    public const string Stub = "<script>window.px=window.px||function(){(px.q=px.q||[]).push([Date.now(),arguments])}</script>";

    /// <summary>The address of the tag, as a browser asks for it.</summary>
    /// <param name="collector">Scheme, host and port, without a slash at the end.</param>
    /// <param name="path">Of the tag.</param>
    /// <param name="site">Null for the default site.</param>
    /// <param name="version">Null for the one that is current when it is asked for.</param>
    public static string Address(string collector, string path, string? site, string? version)
    {
        string[] query = [.. site is null ? [] : (string[])["id=" + site], .. version is null ? [] : (string[])["v=" + version]];
        return collector + path + (query.Length == 0 ? "" : "?" + string.Join('&', query));
    }

    /// <summary>Two script elements. With an integrity the browser runs this very file and no other.</summary>
    public static string Of(string address, string? integrity = null) =>
        $"{Stub}\n<script async src=\"{WebUtility.HtmlEncode(address)}\"{(integrity is null ? "" : $" integrity=\"{integrity}\" crossorigin=\"anonymous\"")}></script>";

    /// <summary>Scheme, host and port of what somebody gave as the collector's address; null where it is no http or https address.</summary>
    public static string? Collector(string? text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0
            ? uri.AbsoluteUri.TrimEnd('/')
            : null;
}
