using System.Text.Json;

namespace PixelServer.Collect;

/// <summary>What the holder of a key tells of the visitor, beside what anyone can say about an event; members of an event that on the public doors are properties.</summary>
/// <remarks>Used again for every event of a body: it must not be held across an await.</remarks>
internal sealed class Told
{
    /// <summary>As <see cref="Parameters.All"/>, but only for JSON and only with a key; docs/events-api.md lists exactly these.</summary>
    public static IReadOnlyList<Parameter> Members { get; } =
    [
        Member(ParameterKind.Visitor, "visitor_id", "Whose event it is: the value of the visitor's cookie px_id, a UUID, or any other id of yours", "4b8f…", Limits.AnonymousIdChars, Refusal.AnonymousIdTooLong),
        Member(ParameterKind.Address, "ip", "The visitor's address; kept as the site's IP policy says", "203.0.113.7", 64),
        Member(ParameterKind.UserAgent, "user_agent", "The visitor's User-Agent; cut after 1024 characters", "Mozilla/5.0 …", Limits.PropertyBytes),
        Member(ParameterKind.Source, "source", "server or app; server if absent", "server", 64),
        Member(ParameterKind.MessageId, "message_id", "Your own id of this message: a second one with it is stored once", "crm-4711", Limits.MessageIdChars, Refusal.MessageIdTooLong),
        Member(ParameterKind.Person, "identity", "Who it is, in the clear or hashed: an object; only hashes of it are kept", "{…}"),
    ];

    /// <summary>Where SDKs put the key of their request.</summary>
    public static ReadOnlySpan<byte> Key => "writeKey"u8;

    public string? Visitor { get; private set; }
    public string? Address { get; private set; }
    public string? UserAgent { get; private set; }
    public string? Source { get; private set; }
    public string? MessageId { get; private set; }

    /// <summary>The member <c>identity</c>, of whatever kind it is; null where there is none.</summary>
    public JsonElement? Person { get; private set; }

    /// <summary>Members of the event that stand beside <c>identity</c> and say who it is: as properties they would be kept in the clear.</summary>
    public List<(string Name, JsonElement Value)> Beside { get; } = [];

    /// <summary>The member <c>gpc</c> of the consent said yes.</summary>
    public bool Gpc { get; set; }

    /// <summary>Members that could not be read as what they are, parameters among them.</summary>
    public List<Parameter> Unread { get; } = [];

    public void Clear()
    {
        Visitor = Address = UserAgent = Source = MessageId = null;
        Person = null;
        Gpc = false;
        Beside.Clear();
        Unread.Clear();
    }

    /// <summary>The member was taken, and is not what it should be.</summary>
    public void Misread(ParameterKind kind) => Unread.Add(Members.Single(one => one.Kind == kind));

    /// <summary>Null for every other name.</summary>
    public static Parameter? Find(ref Utf8JsonReader reader)
    {
        foreach (var member in Members)
            if (reader.ValueTextEquals(member.Json)) return member;
        return null;
    }

    /// <summary>Takes the value that the reader stands on. What came first stays.</summary>
    public void TakePerson(ref Utf8JsonReader reader)
    {
        var person = JsonElement.ParseValue(ref reader);
        Person ??= person;
    }

    /// <summary>Takes the member whose name the reader stands on where it says who it is; leaves everything else to others.</summary>
    public bool TryTakeBeside(ref Utf8JsonReader reader)
    {
        Span<char> buffer = stackalloc char[64];
        ReadOnlySpan<char> name = reader.ValueIsEscaped || reader.ValueSpan.Length > buffer.Length ? reader.GetString() : buffer[..reader.CopyString(buffer)];
        if (!IdentityNames.IsIdentity(name)) return false;
        var key = name.ToString();
        reader.Read();
        Beside.Add((key, JsonElement.ParseValue(ref reader)));
        return true;
    }

    /// <summary>Takes any other member. What came first stays; an empty text counts as not sent.</summary>
    public void Take(ParameterKind kind, ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return;
        switch (kind)
        {
            case ParameterKind.Visitor: Visitor ??= text.ToString(); break;
            case ParameterKind.Address: Address ??= text.ToString(); break;
            case ParameterKind.UserAgent: UserAgent ??= Text.Header(text.ToString(), Limits.HeaderChars); break;
            case ParameterKind.Source: Source ??= text.ToString(); break;
            case ParameterKind.MessageId: MessageId ??= text.ToString(); break;
        }
    }

    private static Parameter Member(ParameterKind kind, string name, string meaning, string example, int maxChars = 0, Refusal? tooLong = null) =>
        new(kind, name, name, meaning, example, maxChars, tooLong);
}
