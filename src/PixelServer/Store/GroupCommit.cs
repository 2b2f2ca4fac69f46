namespace PixelServer.Store;

/// <summary>One writer at a time, who writes for all that wait: one flush serves them, and nobody blocks a thread of the pool meanwhile.</summary>
/// <param name="write">Writes these, in the order in which they came. What it throws is thrown to each of them.</param>
internal sealed class GroupCommit<T>(Func<IReadOnlyList<T>, Task> write) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private List<Pending> _pending = [];

    /// <summary>When this completes it is written.</summary>
    public async Task WriteAsync(T one)
    {
        var mine = new Pending(one);
        lock (_lock) _pending.Add(mine);
        await _turn.WaitAsync();
        try
        {
            if (!mine.Written.Task.IsCompleted) await Task.Run(WritePendingAsync); // else whoever had the turn before wrote it too
        }
        finally
        {
            _turn.Release();
        }

        await mine.Written.Task;
    }

    /// <summary>Does something else while nobody writes.</summary>
    public async Task AloneAsync(Func<Task> work)
    {
        await _turn.WaitAsync();
        try
        {
            await Task.Run(work);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc cref="AloneAsync(Func{Task})"/>
    public Task AloneAsync(Action work) => AloneAsync(() =>
    {
        work();
        return Task.CompletedTask;
    });

    public void Dispose() => _turn.Dispose();

    private async Task WritePendingAsync()
    {
        List<Pending> pending;
        lock (_lock) (pending, _pending) = (_pending, []);
        try
        {
            await write([.. pending.Select(one => one.What)]);
            foreach (var one in pending) one.Written.SetResult();
        }
        catch (Exception e)
        {
            foreach (var one in pending) one.Written.TrySetException(e);
        }
    }

    private sealed record Pending(T What)
    {
        public TaskCompletionSource Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
