using System.Text.Json;

namespace PixelServer.Collect;

/// <summary>Reads a member beside <c>batch</c>, on whose name the reader stands; leaves it on the last token of the value.</summary>
internal delegate void BesideBatch<T>(scoped ref Utf8JsonReader reader, scoped ref T shared);

/// <summary>
/// The events of a JSON body: one object, an array, or <c>{"batch":[…]}</c> with what holds for all of them. Opening reads the
/// whole body once, so that either it is valid JSON from end to end or no event of it is taken.
/// </summary>
internal ref struct JsonBatch
{
    // Depth is bounded per event where it is read, so that one deep event does not cost its neighbours; a body cannot be deeper than long.
    private static readonly JsonReaderOptions s_anyDepth = new() { MaxDepth = int.MaxValue };

    private bool _isOne;

    /// <summary>Stands on an event, once it was moved to; whoever reads it leaves this on its last token.</summary>
    public Utf8JsonReader Reader;

    public int Count { get; private set; }

    /// <summary>There is a <c>batch</c>: what stands beside it holds for its events. Otherwise it is the one event's own.</summary>
    public bool IsBatch { get; private set; }

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="most">More events are refused.</param>
    /// <param name="shared">What <paramref name="readShared"/> fills.</param>
    /// <param name="readShared">Called for every member of the body's object but <c>batch</c>.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static JsonBatch Open<T>(ReadOnlySpan<byte> json, int most, scoped ref T shared, BesideBatch<T> readShared, out Refusal? refusal)
    {
        var batch = new JsonBatch();
        refusal = Refusal.EmptyBody;
        if (json.TrimStart(" \t\r\n"u8).IsEmpty) return batch;
        try
        {
            var reader = new Utf8JsonReader(json, s_anyDepth);
            reader.Read();
            refusal = reader.TokenType switch
            {
                JsonTokenType.StartObject => batch.OpenObject(ref reader, json, most, ref shared, readShared),
                JsonTokenType.StartArray => batch.OpenArray(ref reader, json, most),
                _ => Refusal.NotAnEvent,
            };
            while (reader.Read()) { } // to the end: what stands behind must be nothing
        }
        catch (JsonException)
        {
            refusal = Refusal.BadJson;
        }

        return batch;
    }

    /// <summary>Moves to the next event, whatever it is. Returns false behind the last one.</summary>
    public bool MoveNext() => Reader.Read() && (_isOne || Reader.TokenType != JsonTokenType.EndArray);

    private Refusal? OpenObject<T>(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json, int most, scoped ref T shared, BesideBatch<T> readShared)
    {
        Refusal? refusal = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (!reader.ValueTextEquals(Parameters.Batch))
            {
                readShared(ref reader, ref shared);
                continue;
            }

            reader.Read();
            if (!IsBatch && reader.TokenType == JsonTokenType.StartArray)
            {
                IsBatch = true;
                refusal = OpenArray(ref reader, json, most);
            }
            else
            {
                reader.Skip();
            }
        }

        if (IsBatch) return refusal;
        Reader = new Utf8JsonReader(json, s_anyDepth);
        _isOne = true;
        Count = 1;
        return null;
    }

    private Refusal? OpenArray(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json, int most)
    {
        Reader = new Utf8JsonReader(json[(int)reader.TokenStartIndex..], s_anyDepth);
        Reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Count++;
            reader.Skip();
        }

        return Count == 0 ? Refusal.EmptyBatch : Count > most ? Refusal.BatchTooLarge : null;
    }
}
