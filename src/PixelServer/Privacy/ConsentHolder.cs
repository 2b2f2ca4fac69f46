using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Consent records that wait on our own disk for the store.</summary>
internal sealed class ConsentHolder(Consents consents) : IHolder
{
    public string Name => DataDirectory.ConsentsName;

    public Task<long> FindAsync(PersonMarks person, CancellationToken ct) => Task.FromResult(consents.Waiting().LongCount(Theirs(person)));

    public Task<long> EraseAsync(PersonMarks person, CancellationToken ct) => consents.EraseAsync(Theirs(person));

    private static Func<ConsentRecord, bool> Theirs(PersonMarks person) =>
        one => ConsentPersons.ErasedAs(one.Person.Kind) is { } kind && person.Name(one.SiteId, kind, one.Person.Id!);
}
