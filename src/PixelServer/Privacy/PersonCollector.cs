using PixelServer.Ops;

namespace PixelServer.Privacy;

/// <summary>Who this collector is to the others of its store.</summary>
/// <param name="Id">Of its data directory; says when that was made.</param>
/// <param name="KeyCheck">The same at all that make the same hash of the same identifier.</param>
internal sealed record PersonCollector(Guid Id, string KeyCheck)
{
    public string Host { get; } = Environment.MachineName;

    public static PersonCollector Of(DataDirectory directory, SubjectKeys keys, TimeProvider clock) =>
        new(new Guid(directory.Key("collector", 16, () => Guid.CreateVersion7(directory.Oldest ?? clock.GetUtcNow()).ToByteArray(bigEndian: true)), bigEndian: true),
            keys.Of("key", SubjectKind.User, "check").ToString("x32", System.Globalization.CultureInfo.InvariantCulture));
}
