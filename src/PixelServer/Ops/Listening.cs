namespace PixelServer.Ops;

/// <summary>Where the server listens unless it is told otherwise.</summary>
internal static class Listening
{
    public const string Default = "http://localhost:8080";

    /// <summary>Whether any of the framework's own settings names an address: urls, http_ports, https_ports, Kestrel:Endpoints.</summary>
    public static bool IsSaid(IConfiguration configuration) =>
        (First(configuration["urls"]) ?? First(configuration["http_ports"]) ?? First(configuration["https_ports"])) is not null
        || configuration.GetSection("Kestrel:Endpoints").GetChildren().Any();

    /// <summary>The first address, in the framework's own order of precedence.</summary>
    public static string Address(IConfiguration configuration)
    {
        if (configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"]).FirstOrDefault(url => url is not null) is { } configured)
            return configured;
        if (First(configuration["urls"]) is { } url) return url;
        if (First(configuration["http_ports"]) is { } port) return $"http://localhost:{port}";
        return First(configuration["https_ports"]) is { } secure ? $"https://localhost:{secure}" : Default;
    }

    private static string? First(string? list) => list?.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
}
