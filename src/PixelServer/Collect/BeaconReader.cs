using System.Text;
using System.Text.Json;

namespace PixelServer.Collect;

/// <summary>Reads the events of a <see cref="JsonBatch"/>: <c>{"batch":[…], "sent_at"?, "site_id"?}</c>, or one, or an array.</summary>
internal ref struct BeaconReader
{
    [ThreadStatic] private static char[]? t_chars;
    [ThreadStatic] private static byte[]? t_key;

    private JsonBatch _batch;
    private Shared _shared;
    private Told? _told;

    public readonly int Count => _batch.Count;

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static BeaconReader Open(ReadOnlySpan<byte> json, out Refusal? refusal) => Open(json, told: null, out refusal);

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="told">Takes what only the holder of a key can say, event by event; larger batches are taken. Null: anyone may have sent the body.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static BeaconReader Open(ReadOnlySpan<byte> json, Told? told, out Refusal? refusal)
    {
        var shared = default(Shared);
        var batch = JsonBatch.Open(json, told is null ? Limits.BatchEvents : Limits.KeyedBatchEvents, ref shared, ReadShared, out refusal);
        if (batch.IsBatch) refusal ??= shared.Refusal;
        return new BeaconReader { _batch = batch, _told = told, _shared = batch.IsBatch ? shared : default };
    }

    /// <summary>Moves to the next event and reads it into the draft. Returns false behind the last one.</summary>
    public bool Next(Draft draft, out Refusal? refusal)
    {
        refusal = null;
        if (!_batch.MoveNext()) return false;
        draft.Clear();
        _told?.Clear();
        if (_batch.Reader.TokenType != JsonTokenType.StartObject)
        {
            refusal = Refusal.NotAnEvent;
            _batch.Reader.Skip();
            return true;
        }

        var depth = _batch.Reader.CurrentDepth;
        var start = _batch.Reader.TokenStartIndex;
        refusal = ReadEvent(draft, depth);
        while (_batch.Reader.CurrentDepth > depth) _batch.Reader.Read(); // out of a refused event, on to its neighbour
        if (_told is not null && _batch.Reader.BytesConsumed - start > Limits.KeyedEventBytes) refusal = Refusal.EventTooLarge;
        draft.Complete(_shared.Site, _shared.SentAt);
        return true;
    }

    private static void ReadShared(scoped ref Utf8JsonReader reader, scoped ref Shared shared)
    {
        var parameter = Find(ref reader);
        reader.Read();
        if (parameter is { Kind: ParameterKind.SentAt or ParameterKind.Site } && TryText(ref reader, parameter, out var text, out var tooLong))
        {
            if (parameter.Kind == ParameterKind.SentAt) shared.SentAt ??= ClientClock.TryRead(text, out var time) ? time : null;
            else if (tooLong is not null) shared.Refusal = tooLong;
            else if (!text.IsEmpty) shared.Site ??= text.ToString();
        }

        reader.Skip();
    }

    private Refusal? ReadEvent(Draft draft, int depth)
    {
        while (_batch.Reader.Read() && !(_batch.Reader.TokenType == JsonTokenType.EndObject && _batch.Reader.CurrentDepth == depth))
        {
            if (_batch.Reader.ValueTextEquals(Parameters.Properties) && IsObjectNext())
            {
                _batch.Reader.Read();
                if (ReadMembers(draft.Properties, isConsent: false) is { } refused) return refused;
                continue;
            }

            if (_batch.Reader.ValueTextEquals(Parameters.Consent) && IsObjectNext())
            {
                _batch.Reader.Read();
                if (ReadMembers(draft.Consent, isConsent: true) is { } refused) return refused;
                continue;
            }

            if (_told is not null && _batch.Reader.ValueTextEquals(Told.Key))
            {
                _batch.Reader.Read();
                _batch.Reader.Skip(); // what opens a door does not become a property
                continue;
            }

            if (_told is not null && Told.Find(ref _batch.Reader) is { } member)
            {
                if (ReadTold(_told, member) is { } refused) return refused;
                continue;
            }

            if (_told?.TryTakeBeside(ref _batch.Reader) is true) continue;
            if (ReadParameter(draft) is { } refusal) return refusal;
        }

        return null;
    }

    private readonly bool IsOwnWord(scoped ReadOnlySpan<byte> key)
    {
        var ahead = _batch.Reader;
        return key.Length == "measurement".Length && ahead.Read() && ahead.TokenType == JsonTokenType.String && ConsentReader.IsOwnWord(key, ahead.ValueSpan);
    }

    private Refusal? ReadParameter(Draft draft)
    {
        var parameter = Find(ref _batch.Reader);
        var key = Key(ref _batch.Reader);
        if (parameter is null && !IsOwnWord(key)) return AddProperty(draft.Properties, key, isConsent: false);
        if (parameter is null || parameter.Kind == ParameterKind.Consent) return AddProperty(draft.Consent, key, isConsent: true);

        _batch.Reader.Read();
        if (_batch.Reader.TokenType == JsonTokenType.Null) return null;
        if (!TryText(ref _batch.Reader, parameter, out var text, out var refusal))
        {
            _told?.Unread.Add(parameter);
            if (parameter.Kind is not (ParameterKind.User or ParameterKind.EventId)) return draft.Properties.AddJson(key, ref _batch.Reader);
            _batch.Reader.Skip(); // an id kept as a property would be kept where a site may keep none
            return null;
        }

        if (refusal is not null) return refusal;
        if (draft.TryTake(parameter, text, out refusal)) return refusal;
        _told?.Unread.Add(parameter);
        return draft.Properties.AddJson(key, ref _batch.Reader);
    }

    // What cannot be read is left out: as a property it would be kept where a site may keep none of it.
    private Refusal? ReadTold(Told told, Parameter member)
    {
        _batch.Reader.Read();
        if (_batch.Reader.TokenType == JsonTokenType.Null) return null;
        if (member.Kind == ParameterKind.Person)
        {
            told.TakePerson(ref _batch.Reader);
            return null;
        }

        if (!TryText(ref _batch.Reader, member, out var text, out var refusal))
        {
            told.Unread.Add(member);
            _batch.Reader.Skip();
            return null;
        }

        if (refusal is not null) return refusal;
        if (text.Length <= member.MaxChars) told.Take(member.Kind, text);
        else if (member.TooLong is { } tooLong) return tooLong;
        else told.Unread.Add(member);
        return null;
    }

    private Refusal? ReadMembers(PropertyWriter writer, bool isConsent)
    {
        while (_batch.Reader.Read() && _batch.Reader.TokenType != JsonTokenType.EndObject)
            if (AddProperty(writer, Key(ref _batch.Reader), isConsent) is { } refusal) return refusal;
        return null;
    }

    private Refusal? AddProperty(PropertyWriter writer, scoped ReadOnlySpan<byte> key, bool isConsent)
    {
        _batch.Reader.Read();
        if (Parameters.IsReserved(key))
        {
            _batch.Reader.Skip();
            return null;
        }

        if (!isConsent) return writer.AddJson(key, ref _batch.Reader);

        if (_told is not null && key.SequenceEqual("gpc"u8)) _told.Gpc |= IsYes(ref _batch.Reader);

        // Consent strings are strings, also where a page wrote 1 for "1".
        switch (_batch.Reader.TokenType)
        {
            case JsonTokenType.Null: return null;
            case JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False:
                return writer.AddText(key, _batch.Reader.ValueSpan, keepFirst: true);
            default: return writer.AddJson(key, ref _batch.Reader, keepFirst: true);
        }
    }

    private static bool IsYes(scoped ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.Number => reader.ValueSpan.SequenceEqual("1"u8),
        JsonTokenType.String => reader.ValueTextEquals("1"u8) || reader.ValueTextEquals("true"u8),
        _ => false,
    };

    private readonly bool IsObjectNext()
    {
        var ahead = _batch.Reader;
        return ahead.Read() && ahead.TokenType == JsonTokenType.StartObject;
    }

    private static Parameter? Find(scoped ref Utf8JsonReader reader)
    {
        // No escape makes a name longer, and six bytes for a character is the most.
        Span<char> name = stackalloc char[18 * 6];
        return reader.ValueSpan.Length <= name.Length ? Parameters.Find(name[..reader.CopyString(name)]) : null;
    }

    private static ReadOnlySpan<byte> Key(scoped ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped) return reader.ValueSpan;
        if (t_key is null || t_key.Length < reader.ValueSpan.Length) t_key = new byte[reader.ValueSpan.Length];
        return t_key.AsSpan(0, reader.CopyString(t_key));
    }

    // A string, or a number or truth value as it is written; false where it is none of them, or too long for what has no limit of its own.
    private static bool TryText(scoped ref Utf8JsonReader reader, Parameter parameter, out ReadOnlySpan<char> text, out Refusal? refusal)
    {
        text = default;
        refusal = null;
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.Null) return false;

        var raw = reader.ValueSpan;
        if (raw.Length > Math.Max(parameter.MaxChars, Limits.NumberChars) * 6)
        {
            refusal = parameter.TooLong;
            return parameter.MaxChars > 0;
        }

        if (t_chars is null || t_chars.Length < raw.Length) t_chars = new char[Math.Max(raw.Length, 512)];
        var length = reader.TokenType == JsonTokenType.String ? reader.CopyString(t_chars) : Encoding.UTF8.GetChars(raw, t_chars);
        text = t_chars.AsSpan(0, length);
        return true;
    }

    /// <summary>What a batch says for all its events.</summary>
    private struct Shared
    {
        public string? Site;
        public DateTimeOffset? SentAt;
        public Refusal? Refusal;
    }
}
