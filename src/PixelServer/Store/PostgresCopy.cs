using System.Buffers;
using Npgsql;

namespace PixelServer.Store;

/// <summary>Sends events to PostgreSQL through its raw binary COPY.</summary>
internal static class PostgresCopy
{
    private static readonly string Copy = $"copy events ({EventColumns.Names}) from stdin (format binary)";

    /// <summary>All rows or an exception. Inside a transaction: the rows count with its commit.</summary>
    public static async Task SendAsync(
        NpgsqlConnection connection, IReadOnlyList<Event> events, PostgresLimits limits, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(limits.ChunkBytes);
        var stream = await connection.BeginRawBinaryCopyAsync(Copy, ct);
        stream.WriteTimeout = stream.ReadTimeout = (int)limits.Command.TotalMilliseconds;
        try
        {
            for (var next = 0; next < events.Count;)
            {
                // One row alone may need more than a chunk.
                if (PostgresRows.MaxSize(events[next]) is var size && size > buffer.Length - PostgresRows.Header.Length)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = ArrayPool<byte>.Shared.Rent(size + PostgresRows.Header.Length);
                }

                await WriteAsync(stream, buffer.AsMemory(0, Encode(events, ref next, buffer)), limits.ChunkBytes, ct);
            }

            await WriteAsync(stream, PostgresRows.Trailer, limits.ChunkBytes, ct);
        }
        catch
        {
            // Disposing alone would tell the server that all rows have come.
            await AbandonAsync(stream);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        await stream.DisposeAsync(); // here the server says what it thinks of the rows
    }

    // What does not fit Npgsql's own buffer is sent past it, without a timeout: a server that stopped reading would hold us for ever.
    private static async Task WriteAsync(NpgsqlRawCopyStream stream, ReadOnlyMemory<byte> bytes, int most, CancellationToken ct)
    {
        while (!bytes.IsEmpty)
        {
            ct.ThrowIfCancellationRequested();
            var piece = Math.Min(bytes.Length, most);
            await stream.WriteAsync(bytes[..piece], ct);
            bytes = bytes[piece..];
        }
    }

    private static int Encode(IReadOnlyList<Event> events, ref int next, Span<byte> buffer)
    {
        var start = 0;
        if (next == 0)
        {
            PostgresRows.Header.CopyTo(buffer);
            start = PostgresRows.Header.Length;
        }

        var rows = new PostgresRows(buffer[start..]);
        while (next < events.Count && PostgresRows.MaxSize(events[next]) <= buffer.Length - start - rows.Written) rows.Write(events[next++]);
        return start + rows.Written;
    }

    private static async Task AbandonAsync(NpgsqlRawCopyStream stream)
    {
        try
        {
            await stream.CancelAsync();
            await stream.DisposeAsync();
        }
        catch (Exception e) when (e is NpgsqlException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection is broken; what broke it is already on its way to the caller.
        }
    }
}
