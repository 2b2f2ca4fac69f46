using System.Buffers.Binary;

namespace PixelServer;

/// <summary>What an id of ours tells of its time: a UUID of version 7 begins with it (RFC 9562).</summary>
internal static class IdTimes
{
    private const int Version = 7;

    /// <summary>To the millisecond; null where the id is of another kind.</summary>
    public static DateTimeOffset? Of(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var milliseconds = (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
        return id.Version == Version && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;
    }
}
