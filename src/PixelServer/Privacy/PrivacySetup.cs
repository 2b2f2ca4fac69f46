using Microsoft.Extensions.DependencyInjection.Extensions;
using PixelServer.Mail;
using PixelServer.Ops;
using PixelServer.Store;

namespace PixelServer.Privacy;

/// <summary>Puts into the server what persons may ask of it, and what it owes them unasked.</summary>
internal static class PrivacySetup
{
    /// <summary>Needs what Store, Collect and Mail add.</summary>
    /// <exception cref="SettingException">A setting is not usable.</exception>
    public static IServiceCollection AddPrivacy(this IServiceCollection services, IConfiguration configuration)
    {
        var options = Settings.Read<PrivacyOptions>(configuration, "Pixel:Privacy");
        services.AddSingleton(options);
        services.Replace(ServiceDescriptor.Singleton(new Standings { MostOptOuts = options.MostOptOuts })); // the store, which fills it, knows no bound
        services.AddSingleton<Func<OptOutReading>>(provider => () => new(provider.GetRequiredService<Standings>().OptedOut, options.MostOptOuts));
        services.AddHostedService<StandingSync>();
        services.AddHostedService<OptOutSync>().AddSingleton<IHolder, OptOutHolder>();
        AddPersons(services);
        AddConsents(services);
        var gpc = Settings.Read<GpcOptions>(configuration, "Pixel:Gpc");
        gpc.Check();
        services.AddSingleton(gpc);
        if (gpc.Enabled) services.AddSingleton(GpcEndpoint.Route(gpc));
        services.AddDailyKeys().AddRetention();
        return services;
    }

    public static void MapPrivacy(this IEndpointRouteBuilder routes)
    {
        var persons = routes.ServiceProvider.GetRequiredService<PersonEndpoints>();
        routes.MapPost(PersonRoutes.Find, persons.FindAsync).ExcludeFromDescription();
        routes.MapPost(PersonRoutes.Export, persons.ExportAsync).ExcludeFromDescription();
        routes.MapPost(PersonRoutes.Erase, persons.EraseAsync).ExcludeFromDescription();
        routes.MapPost(PersonRoutes.Restrict, persons.RestrictAsync).ExcludeFromDescription();
        routes.MapPost(PersonRoutes.Release, persons.ReleaseAsync).ExcludeFromDescription();
        routes.MapGet(PersonRoutes.Request, persons.StateAsync).ExcludeFromDescription();
        routes.MapGet(PersonRoutes.Key, persons.KeyAsync).ExcludeFromDescription();
        var consents = routes.ServiceProvider.GetRequiredService<ConsentEndpoints>();
        routes.MapPost(ConsentRoutes.Path, consents.KeepAsync).ExcludeFromDescription();
        routes.MapGet(ConsentRoutes.Path, consents.AboutAsync).ExcludeFromDescription();
        GpcEndpoint.Map(routes, routes.ServiceProvider.GetRequiredService<GpcOptions>());
    }

    private static void AddPersons(IServiceCollection services)
    {
        services.AddSingleton<PersonRows>().AddSingleton<PersonRequests>().AddSingleton<Persons>().AddSingleton<PersonEndpoints>();
        services.AddSingleton(provider => PersonCollector.Of(
            provider.GetRequiredService<DataDirectory>(), provider.GetRequiredService<SubjectKeys>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new ReceiptKey(provider.GetRequiredService<DataDirectory>));
        services.AddSingleton<PersonJournal>().AddSingleton<IHolder>(provider => provider.GetRequiredService<PersonJournal>());
        services.AddSingleton<PersonParts>().AddHostedService(provider => provider.GetRequiredService<PersonParts>());
        services.AddHostedService<CollectorEnd>();
        services.AddSingleton(provider => new PersonReach(
            async (subjects, ct) =>
            {
                await provider.GetRequiredService<StandingExchange>().ExchangeAsync(ct);
                var standings = provider.GetRequiredService<Standings>();
                return [.. subjects.Select(standings.Of)];
            },
            async (words, ct) =>
            {
                var exchange = provider.GetRequiredService<StandingExchange>();
                await exchange.DecideAsync(words);
                await exchange.ExchangeAsync(ct);
            },
            provider.GetRequiredService<PersonParts>().LookAsync, provider.GetRequiredService<PersonJournal>()));
        foreach (var route in PersonRoutes.All) services.AddSingleton(route);
    }

    private static void AddConsents(IServiceCollection services)
    {
        services.AddSingleton(provider => new ConsentFile(provider.GetRequiredService<DataDirectory>().Consents));
        services.AddSingleton<Consents>().AddSingleton<ConsentEffects>().AddSingleton<ConsentEndpoints>();
        services.AddSingleton<IHolder, ConsentHolder>();
        services.AddSingleton<MailProof>(provider => decision =>
            provider.GetRequiredService<Consents>().KeepAsync([provider.GetRequiredService<ConsentEffects>().ProofOf(decision)]));
        services.AddSingleton<ConsentSync>().AddHostedService(provider => provider.GetRequiredService<ConsentSync>());
        foreach (var route in ConsentRoutes.All) services.AddSingleton(route);
    }
}
