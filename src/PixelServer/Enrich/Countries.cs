using System.Diagnostics.CodeAnalysis;
using System.Net;
using MaxMind.Db;
using PixelServer.Ops;

namespace PixelServer.Enrich;

/// <summary>The country of an address, from a MaxMind country or city file.</summary>
/// <remarks>
/// The file is read into memory: a mapped file that is overwritten in place would end the process. A masked
/// address finds the country of the first address of its /24 or /48, which but for a few split networks is that of all of it.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "In memory the reader holds no handle, and it lives as long as the server.")]
internal sealed class Countries
{
    /// <summary>Words in the type of a file, one of which says that it knows countries.</summary>
    private static readonly string[] Kinds = ["Country", "City", "Enterprise"];

    private readonly Reader _reader;

    /// <exception cref="SettingException">The file cannot be read or is none of a kind that knows countries.</exception>
    public Countries(string path)
    {
        try
        {
            _reader = new Reader(path, FileAccessMode.Memory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException
            or InvalidDatabaseException or DeserializationException)
        {
            throw NotUsable(path);
        }

        if (!Kinds.Any(kind => _reader.Metadata.DatabaseType.Contains(kind, StringComparison.Ordinal))) throw NotUsable(path);
    }

    /// <summary>ISO 3166-1 alpha-2, upper case; null where the file knows none.</summary>
    public string? Find(IPAddress address)
    {
        try
        {
            return CountryCode.From(_reader.Find<FoundPlace>(address)?.Country?.Code);
        }
        catch (Exception e) when (e is InvalidDatabaseException or DeserializationException)
        {
            return null; // one damaged entry must not stop the drain
        }
    }

    private static SettingException NotUsable(string path) =>
        new("Pixel:Enrich:CountryDatabase", path, "the path of a readable MaxMind country or city file (.mmdb), or nothing");
}

/// <summary>The part of a MaxMind record that is read: its <c>country</c>.</summary>
internal sealed class FoundPlace
{
    [MapKey("country")]
    public FoundCountry? Country { get; init; }
}

/// <summary>The <c>country</c> of a <see cref="FoundPlace"/>.</summary>
internal sealed class FoundCountry
{
    [MapKey("iso_code")]
    public string? Code { get; init; }
}
