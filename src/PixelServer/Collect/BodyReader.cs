using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace PixelServer.Collect;

/// <summary>Reads a request's body, unpacked and bounded, whatever its length is said to be.</summary>
internal static class BodyReader
{
    /// <summary>What anyone may send.</summary>
    public static readonly BodyLimits Public = new(Limits.BodyBytes, Limits.UnpackedBytes);

    /// <summary>What the holder of a key may send.</summary>
    public static readonly BodyLimits Keyed = new(Limits.KeyedBodyBytes, Limits.KeyedUnpackedBytes);

    private enum Packing { None, Gzip, Brotli, Unknown }

    /// <summary>The whole body, or why there is none. Null where the client hung up in the middle of it: nobody to answer, and nothing is taken.</summary>
    public static ValueTask<(byte[]? Body, Refusal? Refusal)> ReadAsync(HttpRequest request) => ReadAsync(request, Public);

    /// <inheritdoc cref="ReadAsync(HttpRequest)"/>
    public static async ValueTask<(byte[]? Body, Refusal? Refusal)> ReadAsync(HttpRequest request, BodyLimits limits)
    {
        var packing = PackingOf(request.Headers.ContentEncoding.ToString());
        if (packing == Packing.Unknown) return ([], Refusal.UnsupportedEncoding);
        if (request.ContentLength > limits.Bytes) return ([], Refusal.BodyTooLarge);

        try
        {
            var (body, refusal) = await ReadRawAsync(request, limits.Bytes);
            if (refusal is not null || packing == Packing.None || body.Length == 0) return (body, refusal);
            return Unpack(body, packing, limits.UnpackedBytes);
        }
        catch (BadHttpRequestException e)
        {
            // The web server has judged: too slow, cut off, or not HTTP any more. It must not look for a next request behind such a body,
            // and complain in the log that there is none.
            request.HttpContext.Connection.RequestClose();
            return ([], e.StatusCode switch
            {
                StatusCodes.Status408RequestTimeout => Refusal.BodyTooSlow,
                StatusCodes.Status413PayloadTooLarge => Refusal.BodyTooLarge,
                _ => Refusal.BadBody,
            });
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            request.HttpContext.Abort();
            return (null, null);
        }
    }

    private static async ValueTask<(byte[] Body, Refusal? Refusal)> ReadRawAsync(HttpRequest request, int most)
    {
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            if (read.IsCompleted || read.Buffer.Length > most)
            {
                var body = read.Buffer.Length > most ? null : read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return body is null ? ([], Refusal.BodyTooLarge) : (body, null);
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static (byte[] Body, Refusal? Refusal) Unpack(byte[] packed, Packing packing, int most)
    {
        // One byte more than may come: a buffer that is full to the end says that there was too much.
        var unpacked = ArrayPool<byte>.Shared.Rent(most + 1);
        try
        {
            var room = unpacked.AsSpan(0, most + 1);
            var isWhole = packing == Packing.Gzip ? TryGunzip(packed, room, out var length) : TryUnbrotli(packed, room, out length);
            if (length == room.Length) return ([], Refusal.BodyTooLarge);
            return isWhole ? (room[..length].ToArray(), null) : ([], Refusal.BadEncoding);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(unpacked);
        }
    }

    private static bool TryGunzip(byte[] packed, Span<byte> room, out int length)
    {
        length = 0;
        if (packed.Length < 18) return false;
        try
        {
            using var stream = new GZipStream(new MemoryStream(packed, writable: false), CompressionMode.Decompress);
            length = stream.ReadAtLeast(room, room.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException)
        {
            return false;
        }

        // The stream takes a body that was cut off for a shorter one; the last four bytes tell (RFC 1952 2.3.1).
        return BinaryPrimitives.ReadUInt32LittleEndian(packed.AsSpan()[^4..]) == length;
    }

    private static bool TryUnbrotli(ReadOnlySpan<byte> packed, Span<byte> room, out int length)
    {
        using var decoder = new BrotliDecoder();
        return decoder.Decompress(packed, room, out var read, out length) == OperationStatus.Done && read == packed.Length;
    }

    private static Packing PackingOf(string contentEncoding) => contentEncoding.Trim().ToLowerInvariant() switch
    {
        "" or "identity" => Packing.None,
        "gzip" or "x-gzip" => Packing.Gzip,
        "br" => Packing.Brotli,
        _ => Packing.Unknown,
    };
}

/// <summary>How large a body may be.</summary>
/// <param name="Bytes">As it comes.</param>
/// <param name="UnpackedBytes">When unpacked.</param>
internal readonly record struct BodyLimits(int Bytes, int UnpackedBytes);
