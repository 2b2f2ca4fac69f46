using System.Buffers;
using System.IO.Compression;

namespace PixelServer.Collect;

/// <summary>Reads a request's body, unpacked and bounded, whatever its length is said to be.</summary>
internal static class BodyReader
{
    private enum Packing { None, Gzip, Brotli, Unknown }

    /// <summary>The whole body, or why there is none.</summary>
    /// <exception cref="IOException">The client has gone: there is nobody to answer.</exception>
    /// <exception cref="OperationCanceledException">The same.</exception>
    public static async ValueTask<(byte[] Body, Refusal? Refusal)> ReadAsync(HttpRequest request)
    {
        var packing = PackingOf(request.Headers.ContentEncoding.ToString());
        if (packing == Packing.Unknown) return ([], Refusal.UnsupportedEncoding);
        if (request.ContentLength > Limits.BodyBytes) return ([], Refusal.BodyTooLarge);

        try
        {
            var (body, refusal) = await ReadRawAsync(request);
            if (refusal is not null || packing == Packing.None || body.Length == 0) return (body, refusal);
            return Unpack(body, packing);
        }
        catch (BadHttpRequestException e)
        {
            // The web server has judged: too slow, cut off, or not HTTP any more.
            return ([], e.StatusCode switch
            {
                StatusCodes.Status408RequestTimeout => Refusal.BodyTooSlow,
                StatusCodes.Status413PayloadTooLarge => Refusal.BodyTooLarge,
                _ => Refusal.BadBody,
            });
        }
    }

    private static async ValueTask<(byte[] Body, Refusal? Refusal)> ReadRawAsync(HttpRequest request)
    {
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            if (read.IsCompleted || read.Buffer.Length > Limits.BodyBytes)
            {
                var body = read.Buffer.Length > Limits.BodyBytes ? null : read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return body is null ? ([], Refusal.BodyTooLarge) : (body, null);
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static (byte[] Body, Refusal? Refusal) Unpack(byte[] packed, Packing packing)
    {
        var unpacked = ArrayPool<byte>.Shared.Rent(Limits.UnpackedBytes + 1);
        try
        {
            using var source = new MemoryStream(packed, writable: false);
            using Stream stream = packing == Packing.Gzip
                ? new GZipStream(source, CompressionMode.Decompress)
                : new BrotliStream(source, CompressionMode.Decompress);
            var length = stream.ReadAtLeast(unpacked.AsSpan(0, Limits.UnpackedBytes + 1), Limits.UnpackedBytes + 1, throwOnEndOfStream: false);
            return length > Limits.UnpackedBytes ? ([], Refusal.BodyTooLarge) : (unpacked.AsSpan(0, length).ToArray(), null);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or IOException)
        {
            return ([], Refusal.BadEncoding); // Brotli says InvalidOperationException where gzip says InvalidDataException
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(unpacked);
        }
    }

    private static Packing PackingOf(string contentEncoding) => contentEncoding.Trim().ToLowerInvariant() switch
    {
        "" or "identity" => Packing.None,
        "gzip" or "x-gzip" => Packing.Gzip,
        "br" => Packing.Brotli,
        _ => Packing.Unknown,
    };
}
