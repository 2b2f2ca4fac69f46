using System.Globalization;
using PixelServer.Collect;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>The rights of persons, for the holder of the admin token. Identifiers stand in bodies only: addresses are written into logs.</summary>
internal sealed class PersonEndpoints(Persons persons, PersonJournal journal, Sites sites, SubjectKeys keys, ReceiptKey receipts, TimeProvider clock, ILogger<PersonEndpoints> log)
{
    /// <summary>Collectors that are awake need a second or two; what takes longer is asked for again.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>So long an event that was just taken may need into the store, where it says who is who.</summary>
    private static readonly TimeSpan s_drain = TimeSpan.FromSeconds(5);

    public Task FindAsync(HttpContext http) => AboutAsync(http, async (person, _) =>
        await AdminJson.WriteAsync(http, PersonAnswers.Found(person, await persons.CountAsync(person.Ids, s_patience, http.RequestAborted))));

    public Task ExportAsync(HttpContext http) => AboutAsync(http, async (person, _) =>
    {
        Answer.WriteHeaders(http.Response.Headers, Answer.JsonType);
        http.Response.Headers.ContentDisposition = "attachment; filename=\"person.json\"";
        var ct = http.RequestAborted;
        await PersonExport.WriteAsync(http.Response.Body, person, persons.ExportAsync(person.Ids, ct),
            journal.WaitingAsync(new(keys, person.Ids.Site, person.Ids.Subjects(keys)), ct), clock.GetUtcNow(), ct);
    });

    public Task EraseAsync(HttpContext http) => AboutAsync(http, async (person, _) =>
        await AdminJson.WriteAsync(http, PersonAnswers.Erased(await persons.EraseAsync(person, s_patience, CancellationToken.None)))); // begun is begun

    public Task RestrictAsync(HttpContext http) => AboutAsync(http, async (person, body) =>
    {
        await persons.RestrictAsync(person.Ids, body.Lift, http.RequestAborted);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    });

    public Task ReleaseAsync(HttpContext http) => GuardAsync(http, async () =>
    {
        if (await AdminJson.ReadAsync<PersonRequestBody>(http) is not { } body) return;
        if (body.IsOfRequest)
        {
            if (!await persons.ReleaseAsync(body.RequestId!.Value, http.RequestAborted)) await Problem.NotFound.WriteAsync(http);
            else http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await AboutAsync(http, body, async (person, _) =>
        {
            await persons.ReleaseAsync(person.Ids, http.RequestAborted);
            http.Response.StatusCode = StatusCodes.Status204NoContent;
        });
    });

    public Task StateAsync(HttpContext http) => GuardAsync(http, async () =>
    {
        if (Guid.TryParse((string?)http.Request.RouteValues["id"], CultureInfo.InvariantCulture, out var id) && await persons.StateAsync(id, s_patience, http.RequestAborted) is { } state)
            await AdminJson.WriteAsync(http, PersonAnswers.Erased(state));
        else await Problem.NotFound.WriteAsync(http);
    });

    public Task KeyAsync(HttpContext http) => AdminJson.WriteAsync(http, new { Key = receipts.Public });

    private Task AboutAsync(HttpContext http, Func<PersonFound, PersonRequestBody, Task> answer) => GuardAsync(http, async () =>
    {
        if (await AdminJson.ReadAsync<PersonRequestBody>(http) is { } body) await AboutAsync(http, body, answer);
    });

    private async Task AboutAsync(HttpContext http, PersonRequestBody body, Func<PersonFound, PersonRequestBody, Task> answer)
    {
        if (body.Read(sites, out var name, out var also) is { } fault)
        {
            await Problem.InvalidParameter.WriteAsync(http, fault);
            return;
        }

        await journal.PassedAsync(s_drain, http.RequestAborted);
        if (await persons.PersonAsync(body.SiteId, name, also, http.RequestAborted) is { } person) await answer(person, body);
        else await Problem.PersonNotFound.WriteAsync(http);
    }

    private async Task GuardAsync(HttpContext http, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (PersonUnclearException e) { await Problem.PersonUnclear.WriteAsync(http, e.Message); }
        catch (SubjectKeysDifferException e) { await Problem.CollectorKeysDiffer.WriteAsync(http, e.Message); }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested && !http.Response.HasStarted && e is System.Data.Common.DbException or TimeoutException or IOException)
        {
            // What was done is done and will not be undone; the same request again does the rest.
            log.LogWarning("A request about a person could not be answered: {Error} {Code}", e.GetType().Name, (e as System.Data.Common.DbException)?.SqlState);
            http.Response.Headers.RetryAfter = "5";
            await Problem.StoreAway.WriteAsync(http);
        }
    }
}
