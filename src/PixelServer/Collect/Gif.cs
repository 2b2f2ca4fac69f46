using System.Buffers;
using Microsoft.Extensions.Primitives;

namespace PixelServer.Collect;

/// <summary>The image: one transparent pixel, and the headers that keep every cache and mail proxy from answering in our place.</summary>
internal static class Gif
{
    /// <summary>GIF89a, 1x1, transparent, complete with the LZW end code: decoders without tolerance take it too.</summary>
    private static readonly byte[] s_bytes = Convert.FromHexString(
        "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b");

    private static readonly StringValues s_type = "image/gif";

    // Gmail's proxy asks again only where it sees no-cache and max-age=0 together.
    private static readonly StringValues s_cache = "no-cache, no-store, must-revalidate, max-age=0, private";
    private static readonly StringValues s_pragma = "no-cache";
    private static readonly StringValues s_expires = "0";
    private static readonly StringValues s_noSniff = "nosniff";
    private static readonly StringValues s_resourcePolicy = "cross-origin";
    private static readonly StringValues s_robots = "noindex";

    public static ReadOnlyMemory<byte> Bytes => s_bytes;

    public static void WriteHeaders(IHeaderDictionary headers)
    {
        headers.ContentType = s_type;
        headers.ContentLength = s_bytes.Length;
        headers.CacheControl = s_cache;
        headers.Pragma = s_pragma;
        headers.Expires = s_expires;
        headers.XContentTypeOptions = s_noSniff;
        headers["Cross-Origin-Resource-Policy"] = s_resourcePolicy;
        headers["X-Robots-Tag"] = s_robots;
    }

    /// <summary>Without a flush: the server sends head and body in one piece when the request ends.</summary>
    public static void WriteBody(HttpResponse response) => response.BodyWriter.Write(s_bytes);
}
