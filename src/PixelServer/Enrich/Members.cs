using System.Text;
using System.Text.Json;

namespace PixelServer.Enrich;

/// <summary>Walks over the string members at the top of a JSON object; stops without a word where the text is not JSON.</summary>
internal ref struct Members
{
    /// <summary>Longer names are none that we look for.</summary>
    private const int MaxName = 32;

    private Utf8JsonReader _reader;
    private readonly Span<char> _buffer;
    private int _nameLength;

    /// <param name="json">An object; anything else has no members.</param>
    /// <param name="buffer">Room for a name, at least 32 characters.</param>
    public Members(ReadOnlySpan<byte> json, Span<char> buffer)
    {
        _reader = new Utf8JsonReader(json);
        _buffer = buffer;
        Next();
    }

    public readonly ReadOnlySpan<char> Name => _buffer[.._nameLength];

    /// <summary>Null where it is empty, or no Unicode (an escaped lone surrogate).</summary>
    public readonly string? Value(int maxLength)
    {
        try
        {
            return Text.Clean(_reader.GetString(), maxLength);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public bool MoveNext()
    {
        while (Next() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var plain = _reader.ValueSpan.Length <= MaxName && !_reader.ValueIsEscaped;
            _nameLength = plain && Encoding.UTF8.TryGetChars(_reader.ValueSpan, _buffer, out var length) ? length : 0;
            if (!Next()) return false;
            if (_reader.TokenType == JsonTokenType.String && _nameLength > 0) return true;
            if (!Skip()) return false;
        }
        return false;
    }

    // The door writes this JSON, so that an exception here is a broken journal record or a test, never a stream of visitors.
    private bool Next()
    {
        try
        {
            return _reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private bool Skip()
    {
        try
        {
            return _reader.TrySkip();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
