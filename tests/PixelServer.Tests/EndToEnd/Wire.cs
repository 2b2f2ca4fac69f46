using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PixelServer.Tests.EndToEnd;

/// <summary>
/// One keep-alive connection that sends each request once and never again. HttpClient sends a GET a second time when a kept
/// connection breaks, and would so make the very duplicates that a test looks for.
/// </summary>
internal sealed class Wire(int port) : IDisposable
{
    /// <summary>The request did not leave this machine: nobody listened.</summary>
    public const int NotSent = 0;

    /// <summary>The request may have arrived, but no whole answer came back.</summary>
    public const int NoAnswer = -1;

    // Only a hung server lets this pass: a killed one resets the connection at once.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly byte[] _answer = new byte[16 * 1024];
    private Socket? _socket;

    /// <returns>The status code, <see cref="NotSent"/> or <see cref="NoAnswer"/>.</returns>
    public async Task<int> SendAsync(ReadOnlyMemory<byte> request)
    {
        using var deadline = new CancellationTokenSource(s_patience);
        if (_socket is null && !await ConnectAsync(deadline.Token)) return NotSent;
        try
        {
            await _socket!.SendAsync(request, deadline.Token);
            if (await StatusAsync(deadline.Token) is { } status) return status;
        }
        catch (SocketException)
        {
        }

        Dispose();
        return NoAnswer;
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private async Task<bool> ConnectAsync(CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), ct);
            _socket = socket;
            return true;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return false;
        }
    }

    /// <summary>Null when the connection ended before the answer did.</summary>
    private async Task<int?> StatusAsync(CancellationToken ct)
    {
        for (var (length, end) = (0, -1); ;)
        {
            var read = await _socket!.ReceiveAsync(_answer.AsMemory(length), ct);
            if (read == 0) return null;
            length += read;
            if (end < 0) end = _answer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) is var at and >= 0 ? at + 4 : -1;
            if (end < 0) continue;

            var head = Encoding.ASCII.GetString(_answer, 0, end);
            if (length < end + BodyLength(head)) continue;
            Assert.Equal(end + BodyLength(head), length); // one request, one answer
            if (head.Contains("Connection: close", StringComparison.OrdinalIgnoreCase)) Dispose();
            return int.Parse(head.AsSpan("HTTP/1.1 ".Length, 3));
        }
    }

    private static int BodyLength(string head)
    {
        const string Name = "\r\nContent-Length: ";
        var at = head.IndexOf(Name, StringComparison.OrdinalIgnoreCase);
        if (at < 0) return head.StartsWith("HTTP/1.1 204", StringComparison.Ordinal) ? 0 : throw new FormatException("An answer without a length:\n" + head);
        var digits = head.AsSpan(at + Name.Length);
        return int.Parse(digits[..digits.IndexOf('\r')]);
    }
}
