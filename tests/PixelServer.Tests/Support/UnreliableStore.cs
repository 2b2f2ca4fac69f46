using PixelServer.Store;

namespace PixelServer.Tests.Support;

/// <summary>A real store that can be made to fail just before or just after a transaction. A failure strikes once unless it is kept.</summary>
internal sealed class UnreliableStore(IEventStore inner) : IEventStore
{
    public IEventStore Inner { get; } = inner;
    public Action<EventBatch>? BeforeSave { get; set; }
    public Action? AfterSave { get; set; }
    public bool KeepFailing { get; set; }
    public List<string?> Rejected { get; } = [];

    public string Name => Inner.Name;

    public Task PrepareAsync(CancellationToken ct) => Inner.PrepareAsync(ct);

    public Task<long?> PositionAsync(Guid journal, CancellationToken ct) => Inner.PositionAsync(journal, ct);

    public async Task<int> SaveAsync(EventBatch batch, CancellationToken ct)
    {
        try
        {
            BeforeSave?.Invoke(batch);
            var copies = await Inner.SaveAsync(batch, ct);
            AfterSave?.Invoke();
            return copies;
        }
        catch (TimeoutException) when (!KeepFailing)
        {
            (BeforeSave, AfterSave) = (null, null);
            throw;
        }
    }

    public async Task RejectAsync(EventBatch batch, RefusedRowException reason, CancellationToken ct)
    {
        Rejected.Add(batch.Events[0].Hit.ClientEventId);
        await Inner.RejectAsync(batch, reason, ct);
    }

    public Task<IReadOnlyList<string>> RecentAsync(string? siteId, int limit, CancellationToken ct) => Inner.RecentAsync(siteId, limit, ct);

    public ValueTask DisposeAsync() => Inner.DisposeAsync();
}
