using System.Net;
using System.Net.Sockets;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

/// <summary>The real executable as a child process: what a shell, a supervisor and a container see.</summary>
public sealed class CliTests
{
    [Theory]
    [InlineData("frobnicate")]
    [InlineData("drain")]
    [InlineData("version --loud")]
    [InlineData("healthcheck nowhere")]
    [InlineData("--Pixel:Journal:MaxBytes=lots")]
    [InlineData("--Pixel:Jurnal:MaxBytes=5")]
    [InlineData("--urls nonsense")]
    [InlineData("--Pixel:DataDirectory=/dev/null/x")]
    [InlineData("-x")]
    [InlineData("--urls")]
    [InlineData("--Pixel:Acknowledge Written extra")]
    public async Task What_cannot_be_done_as_asked_is_told_on_one_line_with_exit_code_2(string arguments)
    {
        var (code, output, error) = await Executable.RunAsync(arguments.Split(' '));

        Assert.Equal(2, code);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain("   at ", error + output, StringComparison.Ordinal);
        Assert.DoesNotContain("listening", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_told_on_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        var (code, output, error) = await Executable.RunAsync($"--urls=http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}");

        Assert.Equal(2, code);
        Assert.Contains("address already in use", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_that_fails_on_its_port_does_not_use_up_the_admin_token()
    {
        using var folder = new TempFolder();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var directory = $"--Pixel:DataDirectory={folder.Path}";
        var (code, _, _) = await Executable.RunAsync($"--urls=http://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}", directory);

        using var server = Executable.Start(folder.Path, "--urls=http://127.0.0.1:0", directory);
        await Eventually.TrueAsync(() => server.Out.Contains("/swagger", StringComparison.Ordinal) && server.Out.Contains("acknowledge", StringComparison.Ordinal), () => server.Out + server.Error);

        Assert.Equal(2, code);
        Assert.Contains("admin token", server.Out, StringComparison.Ordinal);
        var shown = server.Out.Split('\n');
        var token = shown.Single(line => line.StartsWith("  admin token", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];
        var address = shown.Single(line => line.StartsWith("  API page", StringComparison.Ordinal)).Split(' ')[^1].Replace("/swagger", "/api/events", StringComparison.Ordinal);
        using var http = new HttpClient { DefaultRequestHeaders = { Authorization = new("Bearer", token) } };
        using var answer = await http.GetAsync(address);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public void Verbs_read_the_same_files_as_the_server()
    {
        var environment = $"Test{Guid.NewGuid():n}";
        var file = Path.Combine(AppContext.BaseDirectory, $"appsettings.{environment}.json");
        File.WriteAllText(file, """{"Pixel":{"DataDirectory":"of-this-environment"}}""");
        try
        {
            Assert.Equal("of-this-environment", PixelServer.Ops.Cli.Configuration(["--environment", environment])["Pixel:DataDirectory"]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_drain_refuses_a_misspelt_setting_and_takes_those_of_the_whole_server()
    {
        using var gone = new TempFolder();
        Directory.CreateDirectory(gone.File("journal"));
        string[] drain = ["drain", "--dir", gone.Path, $"--Pixel:DataDirectory={gone.File("here")}"];

        var (code, _, error) = await Executable.RunAsync([.. drain, "--Pixel:Stoer:MaxBatch=5"]);
        var (good, output, _) = await Executable.RunAsync([.. drain, "--Pixel:Sites:shop:Regime=Us", "--Pixel:CountryHeader=X-Country"]);

        Assert.Equal((2, 0), (code, good));
        Assert.Contains("Pixel:Stoer:MaxBatch does not exist", error, StringComparison.Ordinal);
        Assert.EndsWith($"are in sqlite {gone.File("here/pixel.db")}.\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_directory_that_another_server_uses_is_told_on_one_line()
    {
        await using var app = await PixelApp.StartAsync();

        var (code, output, error) = await Executable.RunAsync("--urls=http://127.0.0.1:0", $"--Pixel:DataDirectory={app.DataDirectory}");

        Assert.Equal(2, code);
        Assert.Contains("in use by another server", Assert.Single(error.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_health_check_tells_a_living_server_from_a_dead_one()
    {
        await using var app = await PixelApp.StartAsync();
        var address = app.Address.ToString().TrimEnd('/');

        Assert.Equal(0, (await Executable.RunAsync("healthcheck", "--url", address)).Code);
        Assert.Equal(0, (await Executable.RunAsync("healthcheck", $"--urls={address}")).Code);

        await app.StopAsync();
        Assert.Equal(1, (await Executable.RunAsync("healthcheck", "--url", address)).Code);
    }

    [Fact]
    public async Task A_new_admin_token_is_printed_and_replaces_the_old_one()
    {
        using var folder = new TempFolder();
        var directory = $"--Pixel:DataDirectory={folder.Path}";

        var (code, first, error) = await Executable.RunAsync("admin-token", directory);
        var (_, second, _) = await Executable.RunAsync("admin-token", directory);

        Assert.Equal((0, ""), (code, error));
        Assert.NotEqual(first, second);
        var kept = PixelServer.Ops.AdminToken.Load("", new(folder.Path));
        Assert.True(kept.Verify(second.Trim()));
        Assert.False(kept.Verify(first.Trim()));
    }

    [Fact]
    public async Task The_journal_of_a_machine_that_is_gone_is_shipped_into_this_ones_store_once()
    {
        using var gone = new TempFolder();
        using var here = new TempFolder();
        await using (var app = await PixelApp.StartAsync(
            postgres: "Host=127.0.0.1;Port=1;Timeout=1", directory: gone.Path, settings: ["--Pixel:Ops:ShutdownTimeout=00:00:01"]))
        {
            for (var i = 0; i < 3; i++) await app.Client.GetAsync($"/p.gif?e=kept{i}");
        }

        var store = $"--Pixel:DataDirectory={here.Path}";
        var (code, output, error) = await Executable.RunAsync("drain", "--dir", gone.Path, store);
        var (again, outputAgain, _) = await Executable.RunAsync("drain", "--dir", Path.Combine(gone.Path, "journal"), store);

        Assert.Equal((0, ""), (code, error));
        Assert.Contains("3 events", output, StringComparison.Ordinal);
        Assert.Equal(0, again);
        Assert.Contains("0 events", outputAgain, StringComparison.Ordinal);
        await using var next = await PixelApp.StartAsync(directory: here.Path);
        var rows = await (await next.AdminAsync("/api/events")).Content.ReadAsStringAsync();
        Assert.All([0, 1, 2], i => Assert.Single(rows.Split($"\"kept{i}\"")[1..]));
    }

    [Fact]
    public async Task A_store_that_is_away_fails_the_drain_on_one_line_without_its_password()
    {
        using var gone = new TempFolder();
        await using (var app = await PixelApp.StartAsync(
            postgres: "Host=127.0.0.1;Port=1;Timeout=1", directory: gone.Path, settings: ["--Pixel:Ops:ShutdownTimeout=00:00:01"]))
        {
            await app.Client.GetAsync("/p.gif");
        }

        var (code, output, error) = await Executable.RunAsync(
            "drain", "--dir", gone.Path, $"--Pixel:DataDirectory={gone.File("here")}", "--ConnectionStrings:Postgres=Host=127.0.0.1;Port=1;Password=hunter2;Timeout=1");

        Assert.Equal(1, code);
        Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain("hunter2", error + output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_printed()
    {
        var (code, output, _) = await Executable.RunAsync("version");

        Assert.Equal(0, code);
        Assert.Matches(@"^\d+\.\d+\.\d+\n$", output);
    }

    [Fact]
    public async Task Without_a_verb_it_serves_prints_the_token_once_and_stops_on_SIGTERM_with_exit_code_0()
    {
        using var folder = new TempFolder();

        var first = await ServeAsync(folder.Path);
        var second = await ServeAsync(folder.Path);

        Assert.Contains("admin token", first, StringComparison.Ordinal);
        Assert.DoesNotContain("admin token", second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_come_from_the_environment_too_and_certificates_from_the_frameworks_own()
    {
        using var folder = new TempFolder();
        using var key = System.Security.Cryptography.RSA.Create(2048);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest(
            "CN=localhost", key, System.Security.Cryptography.HashAlgorithmName.SHA256, System.Security.Cryptography.RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllTextAsync(folder.File("cert.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(folder.File("key.pem"), key.ExportPkcs8PrivateKeyPem());

        using var server = Executable.Start(folder.Path, new Dictionary<string, string>
        {
            ["Pixel__DataDirectory"] = folder.File("elsewhere"),
            ["Pixel__Acknowledge"] = "Written",
            ["Kestrel__Endpoints__Secure__Url"] = "https://127.0.0.1:0",
            ["Kestrel__Endpoints__Secure__Certificate__Path"] = folder.File("cert.pem"),
            ["Kestrel__Endpoints__Secure__Certificate__KeyPath"] = folder.File("key.pem"),
        });
        await Eventually.TrueAsync(() => server.Out.Contains("acknowledge", StringComparison.Ordinal), () => server.Out + server.Error);

        Assert.Contains("acknowledge  Written", server.Out, StringComparison.Ordinal);
        Assert.True(Directory.Exists(folder.File("elsewhere/keys")));
        var address = server.Out.Split('\n').Single(line => line.StartsWith("  API page", StringComparison.Ordinal)).Split(' ')[^1].Replace("/swagger", "", StringComparison.Ordinal);
        Assert.StartsWith("https://127.0.0.1:", address, StringComparison.Ordinal);
        Assert.Equal(0, (await Executable.RunAsync("healthcheck", "--url", address)).Code);
    }

    private static async Task<string> ServeAsync(string folder)
    {
        using var server = Executable.Start(folder, "--urls", "http://127.0.0.1:0");
        await Eventually.TrueAsync(() => server.Out.Contains("acknowledge", StringComparison.Ordinal), () => server.Out + server.Error);
        Assert.True(Directory.Exists(Path.Combine(folder, "data", "keys")), "data is under the directory where one stands");

        server.Terminate();

        Assert.Equal(0, await server.ExitAsync());
        return server.Out;
    }
}
