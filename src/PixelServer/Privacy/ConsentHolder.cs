using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Consent records that wait on our own disk for the store.</summary>
internal sealed class ConsentHolder(Consents consents) : IHolder
{
    public string Name => DataDirectory.ConsentsName;

    public Task FindAsync(PersonCrowd persons, CancellationToken ct)
    {
        _ = consents.Waiting().LongCount(Theirs(persons));
        return Task.CompletedTask;
    }

    public Task EraseAsync(PersonCrowd persons, CancellationToken ct) => consents.EraseAsync(Theirs(persons));

    private static Func<ConsentRecord, bool> Theirs(PersonCrowd persons) =>
        one => ConsentPersons.ErasedAs(one.Person.Kind) is { } kind && persons.Name(one.SiteId, kind, one.Person.Id!, one.RecordedAt);
}
