namespace PixelServer.Mail;

/// <summary>Puts what is measured in mails into the server: links, opens, clicks, withdrawal.</summary>
internal static class MailSetup
{
    public static IServiceCollection AddMail(this IServiceCollection services, IConfiguration configuration) => services;

    public static IApplicationBuilder UseMail(this IApplicationBuilder app) => app;

    public static void MapMail(this IEndpointRouteBuilder routes) { }
}
