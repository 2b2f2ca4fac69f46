using System.Threading.Tasks.Sources;

namespace PixelServer.Journal;

/// <summary>A hit on its way to the disk, and the request that waits for it.</summary>
/// <remarks>One object serves as queue entry, awaitable and result. Its continuation runs on the thread that completes it: see <see cref="Release"/>.</remarks>
internal sealed class PendingHit(Hit? hit) : IValueTaskSource<AppendOutcome>
{
    private ManualResetValueTaskSourceCore<AppendOutcome> _core;

    /// <summary>No hit, but the wish that the segment is closed when all hits before it are written.</summary>
    public bool IsRoll => hit is null;

    public Hit Hit => hit!;

    /// <summary>What of the hit's size visitors choose, roughly, in bytes.</summary>
    public int Bytes { get; } = hit is null ? 0 : hit.Properties.Length + 2 * ((hit.Url?.Length ?? 0) + (hit.Referrer?.Length ?? 0) + (hit.Title?.Length ?? 0));

    public ValueTask<AppendOutcome> Completion => new(this, _core.Version);

    public void Complete(AppendOutcome outcome) => _core.SetResult(outcome);

    AppendOutcome IValueTaskSource<AppendOutcome>.GetResult(short token) => _core.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<AppendOutcome>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<AppendOutcome>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}

/// <summary>
/// Answers a whole batch of waiting requests as one work item of the thread pool: waking each by itself would cost a queue
/// operation for every hit, and answering them on the journal's thread would keep the next batch waiting.
/// </summary>
internal sealed class Release(PendingHit[] hits, AppendOutcome outcome) : IThreadPoolWorkItem
{
    public void Execute()
    {
        foreach (var hit in hits) hit.Complete(outcome);
    }
}
