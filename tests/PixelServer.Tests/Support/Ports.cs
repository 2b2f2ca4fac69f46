using System.Net;
using System.Net.Sockets;

namespace PixelServer.Tests.Support;

/// <summary>Ports for servers whose port has to be known before they listen, or stays theirs while they are stopped.</summary>
internal static class Ports
{
    // Below those that the system gives to whoever asks for any (from 32768), above those that browsers refuse (up to 10080).
    private const int First = 11_000, Count = 21_000;

    private static uint s_next = (uint)Random.Shared.Next(Count);

    /// <summary>A port that nobody listens on, and that is given only once in this process.</summary>
    public static int Free()
    {
        for (var tries = 0; tries < Count; tries++)
        {
            var port = First + (int)(Interlocked.Increment(ref s_next) % Count);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's: the next one.
            }
        }

        throw new InvalidOperationException("Every port is taken.");
    }
}
