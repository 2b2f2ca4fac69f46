using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Api;

/// <summary>
/// Takes a body of the Segment HTTP API apart: one event, or <c>{"batch":[…]}</c> with what holds for all of them. Opening reads the whole body once, so that
/// either it is valid JSON from end to end or no event of it is taken; each event is then read by itself, so that memory is bounded by the largest.
/// </summary>
internal ref struct SegmentBody
{
    // Depth is bounded per event where it is written, so that one deep event does not cost its neighbours; a body cannot be deeper than long.
    private static readonly JsonReaderOptions s_anyDepth = new() { MaxDepth = int.MaxValue };

    private ReadOnlySpan<byte> _json;
    private Utf8JsonReader _reader;
    private bool _isOne;

    public int Count { get; private set; }

    /// <summary>The key, where the client puts it into the body; null where it does not.</summary>
    public string? WriteKey { get; private set; }

    /// <summary>When the request left, by the client's clock, where the batch says it for all.</summary>
    public DateTimeOffset? SentAt { get; private set; }

    /// <summary>What holds for every event of a batch; undefined where nothing is said.</summary>
    public JsonElement Context { get; private set; }

    /// <inheritdoc cref="Context"/>
    public JsonElement Integrations { get; private set; }

    /// <summary>The site that a batch names for all; null where it names none.</summary>
    public string? Site { get; private set; }

    /// <summary>Bytes that are written again with each event of a batch.</summary>
    public int RepeatedBytes { get; private set; }

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static SegmentBody Open(ReadOnlySpan<byte> json, out Refusal? refusal)
    {
        var body = new SegmentBody { _json = json };
        refusal = Refusal.EmptyBody;
        if (json.TrimStart(" \t\r\n"u8).IsEmpty) return body;
        try
        {
            var reader = new Utf8JsonReader(json, s_anyDepth);
            reader.Read();
            refusal = reader.TokenType switch
            {
                JsonTokenType.StartObject => body.OpenObject(ref reader),
                JsonTokenType.StartArray => body.OpenArray(ref reader),
                _ => Refusal.NotAnEvent,
            };
            while (reader.Read()) { } // to the end: what stands behind must be nothing
        }
        catch (JsonException)
        {
            refusal = Refusal.BadJson;
        }

        return body;
    }

    /// <summary>Moves to the next event. Returns false behind the last one.</summary>
    /// <param name="item">An object, to be disposed of; null with a refusal.</param>
    /// <param name="refusal">Why this event is refused.</param>
    public bool Next(out JsonDocument? item, out Refusal? refusal)
    {
        (item, refusal) = (null, null);
        if (!_reader.Read() || (!_isOne && _reader.TokenType == JsonTokenType.EndArray)) return false;
        var end = _reader;
        end.Skip();
        if (_reader.TokenType != JsonTokenType.StartObject) refusal = Refusal.NotAnEvent;
        else if (end.BytesConsumed - _reader.TokenStartIndex > Limits.KeyedEventBytes) refusal = Refusal.EventTooLarge;
        else item = JsonDocument.ParseValue(ref _reader);
        _reader = end;
        return true;
    }

    private Refusal? OpenObject(scoped ref Utf8JsonReader reader)
    {
        var (isBatch, refusal, sharedTooLarge) = (false, (Refusal?)null, false);
        JsonElement context = default, integrations = default;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = Name(ref reader);
            reader.Read();
            switch (name)
            {
                case "batch" when reader.TokenType == JsonTokenType.StartArray:
                    isBatch = true;
                    refusal = OpenArray(ref reader);
                    break;
                case "context" when reader.TokenType == JsonTokenType.StartObject:
                    context = Shared(ref reader, ref sharedTooLarge);
                    break;
                case "integrations" when reader.TokenType == JsonTokenType.StartObject:
                    integrations = Shared(ref reader, ref sharedTooLarge);
                    break;
                case "writeKey" when reader.TokenType == JsonTokenType.String:
                    WriteKey = reader.GetString();
                    break;
                case "site_id" when reader.TokenType == JsonTokenType.String:
                    Site = reader.GetString();
                    break;
                case "sentAt" when reader.TokenType is JsonTokenType.String or JsonTokenType.Number:
                    SentAt = ClientClock.TryRead(JsonElement.ParseValue(ref reader).Word(), out var time) ? time : SentAt;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (isBatch)
        {
            (Context, Integrations) = (context, integrations);
            return refusal ?? (sharedTooLarge ? Refusal.EventTooLarge : null);
        }

        _reader = new Utf8JsonReader(_json, s_anyDepth);
        _isOne = true;
        (Count, RepeatedBytes) = (1, 0);
        return null;
    }

    private Refusal? OpenArray(scoped ref Utf8JsonReader reader)
    {
        _reader = new Utf8JsonReader(_json[(int)reader.TokenStartIndex..], s_anyDepth);
        _reader.Read();
        Count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Count++;
            reader.Skip();
        }

        return Count == 0 ? Refusal.EmptyBatch : Count > Limits.KeyedBatchEvents ? Refusal.BatchTooLarge : null;
    }

    // A value that is larger than an event may be could not be kept with any.
    private JsonElement Shared(scoped ref Utf8JsonReader reader, ref bool tooLarge)
    {
        var end = reader;
        end.Skip();
        var bytes = (int)(end.BytesConsumed - reader.TokenStartIndex);
        RepeatedBytes += bytes;
        if (bytes <= Limits.KeyedEventBytes) return JsonElement.ParseValue(ref reader);
        tooLarge = true;
        reader = end;
        return default;
    }

    // The names that mean something are short and nobody escapes them.
    private static string Name(scoped ref Utf8JsonReader reader) => reader.ValueSpan.Length <= 32 ? reader.GetString()! : "";
}
