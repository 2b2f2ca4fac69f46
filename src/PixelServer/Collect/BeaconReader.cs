using System.Text;
using System.Text.Json;

namespace PixelServer.Collect;

/// <summary>
/// Reads the events of a JSON body: one object, an array, or <c>{"batch":[…], "sent_at"?, "site_id"?}</c>. Opening reads the
/// whole body once, so that either it is valid JSON from end to end or no event of it is taken.
/// </summary>
internal ref struct BeaconReader
{
    // Depth is bounded per event and by hand, so that one deep event does not cost its neighbours; a body cannot be deeper than long.
    private static readonly JsonReaderOptions s_anyDepth = new() { MaxDepth = int.MaxValue };

    [ThreadStatic] private static char[]? t_chars;
    [ThreadStatic] private static byte[]? t_key;

    private Utf8JsonReader _reader;
    private Told? _told;
    private bool _isOne;
    private DateTimeOffset? _sentAt;
    private string? _site;

    public int Count { get; private set; }

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static BeaconReader Open(ReadOnlySpan<byte> json, out Refusal? refusal) => Open(json, told: null, out refusal);

    /// <param name="json">Mended by <see cref="JsonText.Mend"/>.</param>
    /// <param name="told">Takes what only the holder of a key can say, event by event; larger batches are taken. Null: anyone may have sent the body.</param>
    /// <param name="refusal">Why the body as a whole is refused; then there is no event to read.</param>
    public static BeaconReader Open(ReadOnlySpan<byte> json, Told? told, out Refusal? refusal)
    {
        var events = new BeaconReader { _told = told };
        refusal = Refusal.EmptyBody;
        if (json.TrimStart(" \t\r\n"u8).IsEmpty) return events;
        try
        {
            var reader = new Utf8JsonReader(json, s_anyDepth);
            reader.Read();
            refusal = reader.TokenType switch
            {
                JsonTokenType.StartObject => events.OpenObject(ref reader, json),
                JsonTokenType.StartArray => events.OpenArray(ref reader, json),
                _ => Refusal.NotAnEvent,
            };
            while (reader.Read()) { } // to the end: what stands behind must be nothing
        }
        catch (JsonException)
        {
            refusal = Refusal.BadJson;
        }

        return events;
    }

    /// <summary>Moves to the next event and reads it into the draft. Returns false behind the last one.</summary>
    public bool Next(Draft draft, out Refusal? refusal)
    {
        refusal = null;
        if (!_reader.Read() || (!_isOne && _reader.TokenType == JsonTokenType.EndArray)) return false;
        draft.Clear();
        _told?.Clear();
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            refusal = Refusal.NotAnEvent;
            _reader.Skip();
            return true;
        }

        var depth = _reader.CurrentDepth;
        var start = _reader.TokenStartIndex;
        refusal = ReadEvent(draft, depth);
        while (_reader.CurrentDepth > depth) _reader.Read(); // out of a refused event, on to its neighbour
        if (_told is not null && _reader.BytesConsumed - start > Limits.KeyedEventBytes) refusal = Refusal.EventTooLarge;
        draft.Complete(_site, _sentAt);
        return true;
    }

    private Refusal? OpenObject(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        var isBatch = false;
        Refusal? refusal = null, badSite = null;
        string? site = null;
        DateTimeOffset? sentAt = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var isBatchKey = reader.ValueTextEquals(Parameters.Batch);
            var parameter = isBatchKey ? null : Find(ref reader);
            reader.Read();
            if (isBatchKey && !isBatch && reader.TokenType == JsonTokenType.StartArray)
            {
                isBatch = true;
                refusal = OpenArray(ref reader, json);
                continue;
            }

            if (parameter is { Kind: ParameterKind.SentAt or ParameterKind.Site } && TryText(ref reader, parameter, out var text, out var tooLong))
            {
                if (parameter.Kind == ParameterKind.SentAt) sentAt = ClientClock.TryRead(text, out var time) ? sentAt ?? time : sentAt;
                else if (tooLong is not null) badSite = tooLong;
                else if (!text.IsEmpty) site ??= text.ToString();
            }

            reader.Skip();
        }

        if (isBatch)
        {
            (_sentAt, _site) = (sentAt, site);
            return refusal ?? badSite;
        }

        _reader = new Utf8JsonReader(json, s_anyDepth);
        _isOne = true;
        Count = 1;
        return null;
    }

    private Refusal? OpenArray(scoped ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        _reader = new Utf8JsonReader(json[(int)reader.TokenStartIndex..], s_anyDepth);
        _reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Count++;
            reader.Skip();
        }

        return Count == 0 ? Refusal.EmptyBatch : Count > (_told is null ? Limits.BatchEvents : Limits.KeyedBatchEvents) ? Refusal.BatchTooLarge : null;
    }

    private Refusal? ReadEvent(Draft draft, int depth)
    {
        while (_reader.Read() && !(_reader.TokenType == JsonTokenType.EndObject && _reader.CurrentDepth == depth))
        {
            if (_reader.ValueTextEquals(Parameters.Properties) && IsObjectNext())
            {
                _reader.Read();
                if (ReadMembers(draft.Properties, isConsent: false) is { } refused) return refused;
                continue;
            }

            if (_reader.ValueTextEquals(Parameters.Consent) && IsObjectNext())
            {
                _reader.Read();
                if (ReadMembers(draft.Consent, isConsent: true) is { } refused) return refused;
                continue;
            }

            if (_told is not null && _reader.ValueTextEquals(Told.Key))
            {
                _reader.Read();
                _reader.Skip(); // what opens a door does not become a property
                continue;
            }

            if (_told is not null && Told.Find(ref _reader) is { } member)
            {
                if (ReadTold(_told, member) is { } refused) return refused;
                continue;
            }

            if (_told?.TryTakeBeside(ref _reader) is true) continue;
            if (ReadParameter(draft) is { } refusal) return refusal;
        }

        return null;
    }

    private readonly bool IsOwnWord(scoped ReadOnlySpan<byte> key)
    {
        var ahead = _reader;
        return key.Length == "measurement".Length && ahead.Read() && ahead.TokenType == JsonTokenType.String && ConsentReader.IsOwnWord(key, ahead.ValueSpan);
    }

    private Refusal? ReadParameter(Draft draft)
    {
        var parameter = Find(ref _reader);
        var key = Key(ref _reader);
        if (parameter is null && !IsOwnWord(key)) return AddProperty(draft.Properties, key, isConsent: false);
        if (parameter is null || parameter.Kind == ParameterKind.Consent) return AddProperty(draft.Consent, key, isConsent: true);

        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return null;
        if (!TryText(ref _reader, parameter, out var text, out var refusal))
        {
            _told?.Unread.Add(parameter);
            if (parameter.Kind is not (ParameterKind.User or ParameterKind.EventId)) return draft.Properties.AddJson(key, ref _reader);
            _reader.Skip(); // an id kept as a property would be kept where a site may keep none
            return null;
        }

        if (refusal is not null) return refusal;
        if (draft.TryTake(parameter, text, out refusal)) return refusal;
        _told?.Unread.Add(parameter);
        return draft.Properties.AddJson(key, ref _reader);
    }

    // What cannot be read is left out: as a property it would be kept where a site may keep none of it.
    private Refusal? ReadTold(Told told, Parameter member)
    {
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.Null) return null;
        if (member.Kind == ParameterKind.Person)
        {
            told.TakePerson(ref _reader);
            return null;
        }

        if (!TryText(ref _reader, member, out var text, out var refusal))
        {
            told.Unread.Add(member);
            _reader.Skip();
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
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndObject)
            if (AddProperty(writer, Key(ref _reader), isConsent) is { } refusal) return refusal;
        return null;
    }

    private Refusal? AddProperty(PropertyWriter writer, scoped ReadOnlySpan<byte> key, bool isConsent)
    {
        _reader.Read();
        if (Parameters.IsReserved(key))
        {
            _reader.Skip();
            return null;
        }

        if (!isConsent) return writer.AddJson(key, ref _reader);

        if (_told is not null && key.SequenceEqual("gpc"u8)) _told.Gpc |= IsYes(ref _reader);

        // Consent strings are strings, also where a page wrote 1 for "1".
        switch (_reader.TokenType)
        {
            case JsonTokenType.Null: return null;
            case JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False:
                return writer.AddText(key, _reader.ValueSpan, keepFirst: true);
            default: return writer.AddJson(key, ref _reader, keepFirst: true);
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
        var ahead = _reader;
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
}
