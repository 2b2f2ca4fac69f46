using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>A collector whose disk goes with it says so at its end: else every receipt would wait a month for it.</summary>
internal sealed class CollectorEnd(
    PersonRequests requests, PersonCollector me, PrivacyOptions options, Ledger ledger, MailDecisions mails, Consents consents, StandingExchange standings, UnwrittenOptOuts optOuts,
    ILogger<CollectorEnd> log) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>All stages have emptied themselves by now. What could not be delivered may be rescued from the disk, and then somebody has to do its part.</summary>
    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        if (!options.TemporaryDisk || ledger.Read().Waiting > 0 || mails.Unshared(1).Count > 0 || consents.Waiting(1).Count > 0) return;
        if (optOuts.Count(_ => true) > 0) return;
        try
        {
            await standings.ExchangeWithStoreAsync(cancellationToken); // of whom the drain's last pass told, or what the last exchange could not
            await requests.LeaveAsync(me.Id, cancellationToken);
        }
        catch (Exception e)
        {
            log.LogWarning("The store did not hear that this collector's disk goes with it: erasures wait for it until its row of collectors is deleted. {Error}", e.GetType().Name);
        }
    }
}
