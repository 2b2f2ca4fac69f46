namespace PixelServer.Ops;

/// <summary>The container's health check without curl in the image.</summary>
internal static class HealthCheck
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <param name="url">Scheme, host and port; null: what <paramref name="args"/>, environment and files say that the server listens on.</param>
    /// <param name="args">Configuration arguments.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>0 alive, 1 not.</returns>
    public static async Task<int> RunAsync(string? url, string[] args, CancellationToken ct)
    {
        var address = Banner.Reachable(url ?? Listening.Address(Cli.Configuration(args)));
        if (!Uri.TryCreate(address + "/healthz", UriKind.Absolute, out var uri) || !uri.Scheme.StartsWith("http", StringComparison.Ordinal))
            throw new FormatException($"'{address}' is no http or https address.");

        // The certificate is for the public name, not for localhost; nothing secret is sent.
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        using var client = new HttpClient(handler) { Timeout = s_patience };
        try
        {
            using var answer = await client.GetAsync(uri, ct);
            if (answer.IsSuccessStatusCode) return 0;
            await Console.Error.WriteLineAsync($"{uri} answered {(int)answer.StatusCode}.");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"{uri} does not answer: {e.Message.ReplaceLineEndings(" ")}");
        }

        return 1;
    }
}
