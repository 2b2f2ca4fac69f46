namespace PixelServer.Store;

/// <summary>Where collectors meet to have the same key for a day: table <c>daily_keys</c>. It sees keys only closed. Two implementations, one contract.</summary>
/// <remarks>Any exception means that the store is away.</remarks>
internal interface IDailyKeys
{
    /// <summary>Keeps the key unless the day has one already, and gives the one that the day has: of all who come the first wins.</summary>
    Task<byte[]> MeetAsync(DateOnly day, byte[] wrapped, CancellationToken ct);

    /// <summary>Deletes the keys of all days before <paramref name="day"/>, and what is left of deleted rows in the files of the database.</summary>
    /// <returns>False where somebody who reads was in the way: try again.</returns>
    Task<bool> ForgetAsync(DateOnly day, CancellationToken ct);
}
