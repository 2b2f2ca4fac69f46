using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// Takes a body of the Segment HTTP API apart: one event, or a <see cref="JsonBatch"/> with what holds for all of it. Each event is read by itself, so that
/// memory is bounded by the largest.
/// </summary>
internal ref struct SegmentBody
{
    private JsonBatch _batch;
    private Shared _shared;

    public readonly int Count => _batch.Count;

    /// <summary>The key, where the client puts it into the body; null where it does not.</summary>
    public readonly string? WriteKey => _shared.WriteKey;

    /// <summary>When the request left, by the client's clock, where the batch says it for all.</summary>
    public readonly DateTimeOffset? SentAt => _shared.SentAt;

    /// <summary>What holds for every event of a batch; undefined where nothing is said.</summary>
    public readonly JsonElement Context => _shared.Context;

    /// <inheritdoc cref="Context"/>
    public readonly JsonElement Integrations => _shared.Integrations;

    /// <summary>The site that a batch names for all; null where it names none.</summary>
    public readonly string? Site => _shared.Site;

    /// <summary>Bytes that are written again with each event of a batch.</summary>
    public readonly int RepeatedBytes => _shared.RepeatedBytes;

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static SegmentBody Open(ReadOnlySpan<byte> json, out Refusal? refusal)
    {
        var shared = default(Shared);
        var batch = JsonBatch.Open(json, Limits.KeyedBatchEvents, ref shared, ReadShared, out refusal);
        if (batch.IsBatch) refusal ??= shared.IsTooLarge ? Refusal.EventTooLarge : null;
        else (shared.Context, shared.Integrations, shared.RepeatedBytes) = (default, default, 0);
        return new SegmentBody { _batch = batch, _shared = shared };
    }

    /// <summary>Moves to the next event. Returns false behind the last one.</summary>
    /// <param name="item">An object, to be disposed of; null with a refusal.</param>
    /// <param name="refusal">Why this event is refused.</param>
    public bool Next(out JsonDocument? item, out Refusal? refusal)
    {
        (item, refusal) = (null, null);
        if (!_batch.MoveNext()) return false;
        var end = _batch.Reader;
        end.Skip();
        if (_batch.Reader.TokenType != JsonTokenType.StartObject) refusal = Refusal.NotAnEvent;
        else if (end.BytesConsumed - _batch.Reader.TokenStartIndex > Limits.KeyedEventBytes) refusal = Refusal.EventTooLarge;
        else item = JsonDocument.ParseValue(ref _batch.Reader);
        _batch.Reader = end;
        return true;
    }

    private static void ReadShared(scoped ref Utf8JsonReader reader, scoped ref Shared shared)
    {
        var name = Name(ref reader);
        reader.Read();
        switch (name)
        {
            case "context" when reader.TokenType == JsonTokenType.StartObject:
                shared.Context = shared.Take(ref reader);
                break;
            case "integrations" when reader.TokenType == JsonTokenType.StartObject:
                shared.Integrations = shared.Take(ref reader);
                break;
            case "writeKey" when reader.TokenType == JsonTokenType.String:
                shared.WriteKey = reader.GetString();
                break;
            case "site_id" when reader.TokenType == JsonTokenType.String:
                shared.Site = reader.GetString();
                break;
            case "sentAt" when reader.TokenType is JsonTokenType.String or JsonTokenType.Number:
                shared.SentAt = ClientClock.TryRead(JsonElement.ParseValue(ref reader).Word(), out var time) ? time : shared.SentAt;
                break;
            default:
                reader.Skip();
                break;
        }
    }

    // The names that mean something are short and nobody escapes them.
    private static string Name(scoped ref Utf8JsonReader reader) => reader.ValueSpan.Length <= 32 ? reader.GetString()! : "";

    private struct Shared
    {
        public string? WriteKey, Site;
        public DateTimeOffset? SentAt;
        public JsonElement Context, Integrations;
        public int RepeatedBytes;
        public bool IsTooLarge;

        // A value that is larger than an event may be could not be kept with any.
        public JsonElement Take(scoped ref Utf8JsonReader reader)
        {
            var end = reader;
            end.Skip();
            var bytes = (int)(end.BytesConsumed - reader.TokenStartIndex);
            RepeatedBytes += bytes;
            if (bytes <= Limits.KeyedEventBytes) return JsonElement.ParseValue(ref reader);
            IsTooLarge = true;
            reader = end;
            return default;
        }
    }
}
