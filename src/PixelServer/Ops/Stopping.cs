namespace PixelServer.Ops;

/// <summary>Turns readiness red first and keeps the doors open for <c>Pixel:Ops:DrainDelay</c>; only then Kestrel stops.</summary>
internal sealed class Stopping(OpsOptions options, TimeProvider clock, IHostApplicationLifetime lifetime) : IHostedLifecycleService
{
    private volatile bool _begun;

    public bool HasBegun => _begun || lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>The host calls it before it stops anything.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _begun = true;
        if (options.DrainDelay > TimeSpan.Zero)
            await Task.Delay(options.DrainDelay, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
