using System.Net;
using System.Net.Sockets;

namespace PixelServer.Tests.Support;

/// <summary>What <see cref="CuttingProxy"/> does with bytes of the client.</summary>
internal enum Cut
{
    /// <summary>Passes them on.</summary>
    Nothing,

    /// <summary>Ends both connections; the server never sees the bytes.</summary>
    Before,

    /// <summary>Passes them on, waits for the server's answer, and ends both connections without it.</summary>
    Answer,
}

/// <summary>A TCP proxy that breaks a connection at a chosen moment of the conversation.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly Func<byte[], Task<Cut>> _judge;
    private readonly Task _accepting;

    /// <param name="target">Port of the server on this machine.</param>
    /// <param name="judge">Is asked about every piece that a client sends.</param>
    public CuttingProxy(int target, Func<byte[], Task<Cut>> judge)
    {
        (_target, _judge) = (target, judge);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var conversations = new List<Task>();
        try
        {
            while (true) conversations.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(conversations);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                var (up, down) = (client.GetStream(), server.GetStream());
                var cut = new TaskCompletionSource();
                await Task.WhenAny(SendAsync(up, down, cut), ReceiveAsync(down, up, cut));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // One side is gone: so is the conversation.
            }
        }
    }

    private async Task SendAsync(NetworkStream client, NetworkStream server, TaskCompletionSource cut)
    {
        var buffer = new byte[64 * 1024];
        while (await client.ReadAsync(buffer, _stop.Token) is > 0 and var read)
        {
            var verdict = await _judge(buffer[..read]);
            if (verdict == Cut.Before) return;
            if (verdict == Cut.Answer) cut.SetResult();
            await server.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }

    private async Task ReceiveAsync(NetworkStream server, NetworkStream client, TaskCompletionSource cut)
    {
        var buffer = new byte[64 * 1024];
        while (await server.ReadAsync(buffer, _stop.Token) is > 0 and var read)
        {
            if (cut.Task.IsCompleted) return;
            await client.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}
