using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PixelServer.Collect;

namespace PixelServer.Mail;

/// <summary>The door that a token opens; the letter is part of what is signed, so that a token of one door is worth nothing at another.</summary>
internal enum MailDoor : byte { Open = (byte)'o', Click = (byte)'c', Withdraw = (byte)'u' }

/// <summary>
/// What an address in a mail says, and that we (or a sender who has the secret) said it: <c>{key id}.{payload}.{mac}</c>. The payload is
/// base64url of a JSON object with one-letter members; the mac is base64url of the first 128 bits of
/// HMAC-SHA256(secret, <c>{door}.{key id}.{payload}</c>). docs/mail.md has the recipe in other languages.
/// </summary>
internal sealed record MailToken(string Site, string Recipient)
{
    /// <summary>Longest token in characters; a target of 2,048 and the longest ids fit.</summary>
    public const int MaxChars = 4_096;

    private const int MacBytes = 16;
    private const int MacChars = 22;
    private static readonly SearchValues<char> s_base64Url = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>The sender's id of the mail; null only in tokens of <see cref="MailDoor.Withdraw"/>.</summary>
    public string? Message { get; init; }

    public string? Campaign { get; init; }
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>From then on nothing is recorded, and a click leads nowhere; null: never, since old mails are read too.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Where a click leads; a <see cref="MailTarget"/>.</summary>
    public string? Target { get; init; }

    /// <summary>Place of the link in the mail, from 0, and how many links the mail has: who follows all at once is no reader.</summary>
    public int? LinkIndex { get; init; }
    public int? LinkCount { get; init; }

    /// <summary>A link that no reader sees.</summary>
    public bool IsTrap { get; init; }

    /// <param name="door">Where it will be shown.</param>
    /// <param name="keyId">1 to 16 letters, digits, _ or -.</param>
    /// <param name="secret">As text; its UTF-8 is the key.</param>
    public string Sign(MailDoor door, string keyId, ReadOnlySpan<byte> secret)
    {
        var signed = $"{keyId}.{Base64Url.EncodeToString(Payload())}";
        return $"{signed}.{Mac(door, signed, secret)}";
    }

    /// <summary>Reads what a stranger shows: null unless it was signed for this door with a key that is still good and keeps to the rules.</summary>
    /// <remarks>The mac is looked at before anything that it covers, and is computed for every text, so that time tells nothing about keys.</remarks>
    public static MailToken? Read(MailDoor door, ReadOnlySpan<char> text, MailKeys keys)
    {
        var first = text.IndexOf('.');
        var last = text.LastIndexOf('.');
        var isShaped = text.Length <= MaxChars && first is > 0 and <= MailKeys.MaxIdChars && last - first > 1 && text.Length - last - 1 == MacChars
            && !text[(first + 1)..last].ContainsAnyExcept(s_base64Url) && !text[(last + 1)..].ContainsAnyExcept(s_base64Url);

        var isKnown = keys.TryFind(isShaped ? text[..first] : [], out var secret);
        var expected = Mac(door, isShaped ? text[..last] : text[..Math.Min(text.Length, MaxChars)], secret);
        // As characters, not as bytes: the last one has bits that decoding would ignore.
        var isSigned = CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(expected.AsSpan()), MemoryMarshal.AsBytes(isShaped ? text[(last + 1)..] : expected));
        if (!isShaped || !isSigned || !isKnown) return null;

        var payload = text[(first + 1)..last];

        var json = new byte[Base64Url.GetMaxDecodedLength(payload.Length)];
        if (!Base64Url.TryDecodeFromChars(payload, json, out var length)) return null;
        var token = MailPayload.Read(json.AsSpan(0, length));
        return token is not null && token.Fault(door) is null ? token : null;
    }

    /// <summary>What is wrong with it, as a sentence for the sender; null for a token that may be signed and shown at that door.</summary>
    public string? Fault(MailDoor door)
    {
        if (!Sites.IsId(Site)) return "site_id: 1 to 64 letters, digits, dots, underscores or hyphens.";
        if (MailId.Fault("recipient_id", Recipient) is { } recipient) return recipient;
        if (Message is null ? door != MailDoor.Withdraw : MailId.Fault("message_id", Message) is not null) return MailId.Fault("message_id", Message ?? "");
        if (Campaign is not null && MailId.Fault("campaign", Campaign) is { } campaign) return campaign;
        if (LinkIndex is < 0 or >= MailLinks.MaxLinks || LinkCount is < 1 or > MailLinks.MaxLinks) return $"A mail has at most {MailLinks.MaxLinks} links.";
        return door == MailDoor.Click && !MailTarget.IsSafe(Target) ? MailTarget.Rule : null;
    }

    private static string Mac(MailDoor door, ReadOnlySpan<char> signed, ReadOnlySpan<byte> secret)
    {
        Span<byte> text = signed.Length <= MaxChars ? stackalloc byte[MaxChars + 2] : new byte[signed.Length + 2]; // a sender may ask for too much
        text[0] = (byte)door;
        text[1] = (byte)'.';
        // A key id that is not ASCII is none of ours: what stands for it in the hash does not matter.
        var length = 2 + Encoding.Latin1.GetBytes(signed, text[2..]);
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret, text[..length], mac);
        return Base64Url.EncodeToString(mac[..MacBytes]);
    }

    private byte[] Payload()
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(bytes, new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            MailPayload.Write(json, this);
        return bytes.WrittenSpan.ToArray();
    }
}
