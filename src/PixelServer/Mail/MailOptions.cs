using System.ComponentModel.DataAnnotations;

namespace PixelServer.Mail;

/// <summary>What is measured in mails, and how its links are made; section <c>Pixel:Mail</c>.</summary>
internal sealed class MailOptions
{
    /// <summary>Scheme and host under which readers reach this server, such as <c>https://t.example.com</c>. Empty, the default: those of the request that asks for links.</summary>
    [RegularExpression(@"^$|^https?://[A-Za-z0-9.\-\[\]:]{1,255}(/[A-Za-z0-9._~/-]{0,200})?$", ErrorMessage = "scheme and host such as https://t.example.com, or nothing")]
    public string BaseUrl { get; init; } = "";

    /// <summary>Id of the key that signs, one of <see cref="Keys"/>. Empty, the default: keys of this server's own in <c>keys/mail</c>.</summary>
    [RegularExpression("^$|^[A-Za-z0-9_-]{1,16}$", ErrorMessage = "1 to 16 letters, digits, _ or -, or nothing")]
    public string KeyId { get; init; } = "";

    /// <summary>Secrets by key id, for several collectors behind one name and for senders who sign by themselves: each 32 to 512 visible ASCII characters.</summary>
    public IDictionary<string, string> Keys { get; init; } = new Dictionary<string, string>();

    /// <summary>When an open is answered, counted from its arrival: for good, withdrawn, expired and forged tokens alike, so that time tells nothing. Default 25 ms.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:01")]
    public TimeSpan AnswerAfter { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Whether links may lead to this machine or into private networks. Default false.</summary>
    public bool AllowPrivateTargets { get; init; }

    /// <summary>How often decisions of recipients are exchanged with the store, and so with other collectors. Default 5 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan SyncEvery { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>How much is kept of the mails of one site; section <c>Pixel:Sites:{id}:Mail</c>, and <c>Pixel:DefaultSite:Mail</c> for all others.</summary>
internal sealed class SiteMailOptions
{
    /// <summary>Default <c>Full</c>.</summary>
    [EnumDataType(typeof(MailMode), ErrorMessage = "Full, Deliverability, Anonymous or Off")]
    public MailMode Mode { get; init; }

    /// <summary>Hosts that links may lead to, separated by commas; <c>*.example.com</c> is every name below it. Empty, the default: every public host.</summary>
    [RegularExpression(@"^\s*$|^\s*(\*\.)?[A-Za-z0-9.-]+(\s*,\s*(\*\.)?[A-Za-z0-9.-]+)*\s*$", ErrorMessage = "hosts such as example.com, *.example.com, separated by commas, or nothing")]
    public string Hosts { get; init; } = "";
}

/// <summary>What is kept of an open or a click.</summary>
internal enum MailMode
{
    /// <summary>Who, which message, when and how.</summary>
    Full,

    /// <summary>Only who, and on which day: to find addresses that nobody reads. No clicks.</summary>
    Deliverability,

    /// <summary>Only that somebody did, in which campaign and in which hour.</summary>
    Anonymous,

    /// <summary>Nothing; links lead where they lead.</summary>
    Off,
}
