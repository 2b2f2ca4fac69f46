using System.Security.Cryptography;

namespace PixelServer.Collect;

/// <summary>128 random bits at a time for new visitors, drawn from the system a page at once: one system call for 256 visitors.</summary>
internal static class RandomIds
{
    [ThreadStatic] private static byte[]? t_bytes;
    [ThreadStatic] private static int t_used;

    public static Guid Next()
    {
        if (t_bytes is null || t_used == t_bytes.Length)
        {
            RandomNumberGenerator.Fill(t_bytes ??= new byte[4096]);
            t_used = 0;
        }

        var bytes = t_bytes.AsSpan(t_used, 16);
        t_used += 16;
        var id = new Guid(bytes, bigEndian: true);
        bytes.Clear(); // an id that was handed out is not left lying in memory
        return id;
    }
}
