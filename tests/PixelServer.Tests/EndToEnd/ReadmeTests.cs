using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.EndToEnd;

/// <summary>The first minute of a stranger: the README's commands and tags as they stand there, only on a port and with data of their own.</summary>
[Collection(nameof(Alone))]
public sealed partial class ReadmeTests(Chromium chromium) : IClassFixture<Chromium>
{
    private const string PasteHere = "paste the admin token here";
    private static readonly string s_readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

    [Fact]
    public async Task Its_commands_start_a_server_send_an_event_and_show_it_and_its_tags_send_more()
    {
        using var folder = new TempFolder();
        var port = Ports.Free();
        using var server = new Typed(Block("bash", "dotnet run"), port, folder);
        await Eventually.TrueAsync(
            () => server.HasEnded || Token().IsMatch(server.Out), () => $"the admin token is printed\n{server.Out}{server.Error}", TimeSpan.FromMinutes(3));
        var token = Token().Match(server.Out).Groups["token"].Value;
        Assert.Contains(PasteHere, Block("bash", "/api/events"), StringComparison.Ordinal);

        using (var send = new Typed(Block("bash", "/p.gif"), port, folder))
        {
            Assert.Equal(0, await send.ExitAsync());
            Assert.StartsWith("HTTP/1.1 200 OK", send.Out);
        }

        var show = Block("bash", "/api/events");
        var first = (await ShownAsync(show, 1))[0]!;
        Assert.Equal(("open", "user123"), (first["name"]!.ToString(), first["user_id"]!.ToString()));

        await using var pages = new Pages();
        pages["/"] = $"{Block("html", "<img")}{Block("html", "<script")}".Replace("localhost:8080", $"localhost:{port}", StringComparison.Ordinal);
        await pages.StartAsync();
        await using var visitor = await chromium.VisitorAsync();
        await (await visitor.NewPageAsync()).GotoAsync($"http://localhost:{pages.Port}/", new() { WaitUntil = WaitUntilState.Load });

        var all = await ShownAsync(show.Replace("limit=1", "limit=9", StringComparison.Ordinal), 4);
        Assert.Equal(["beacon Purchase shop", "beacon page_view shop", "pixel open default", "pixel open shop"], all.Select(one => $"{one!["source"]} {one["name"]} {one["site_id"]}").Order());
        Assert.Equal("AUTUMN", all.Single(one => one!["name"]!.ToString() == "Purchase")!["properties"]!["coupon"]!.ToString());

        async Task<JsonArray> ShownAsync(string command, int count)
        {
            JsonArray shown = [];
            await Eventually.TrueAsync(async () =>
            {
                using var typed = new Typed(command.Replace(PasteHere, token, StringComparison.Ordinal), port, folder);
                Assert.Equal(0, await typed.ExitAsync());
                shown = JsonNode.Parse(typed.Out)!.AsArray();
                return shown.Count >= count;
            }, () => $"{count} events are shown; {shown.ToJsonString()}");
            Assert.Equal(count, shown.Count);
            return shown;
        }
    }

    [Fact]
    public void Every_relative_link_of_every_document_leads_to_a_file()
    {
        var documents = new[] { "*.md", "docs", "bench", "src" }.SelectMany(place => place == "*.md"
            ? Directory.EnumerateFiles(Repository.Root, place)
            : Directory.EnumerateFiles(Path.Combine(Repository.Root, place), "*.md", SearchOption.AllDirectories));
        var links = documents.SelectMany(file => Link().Matches(File.ReadAllText(file))
            .Select(link => (File: file, To: link.Groups["to"].Value))).Where(link => !link.To.Contains("://", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(link.File)!, link.To)), $"{link.File}: {link.To}"));
    }

    [Fact]
    public void Every_script_that_a_document_tells_to_run_can_be_run()
    {
        var scripts = Directory.EnumerateFiles(Repository.Root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "bench"), "*.md"))
            .SelectMany(file => Script().Matches(File.ReadAllText(file)).Select(match => match.Value)).Distinct().ToList();

        Assert.Contains("test.sh", scripts);
        Assert.All(scripts, script => Assert.True(
            OperatingSystem.IsWindows() || File.GetUnixFileMode(Path.Combine(Repository.Root, script)).HasFlag(UnixFileMode.UserExecute), script));
    }

    /// <summary>The one fenced block of that language that has this in it.</summary>
    private static string Block(string language, string with) => Assert.Single(
        Fenced().Matches(s_readme).Where(block => block.Groups["language"].Value == language).Select(block => block.Groups["text"].Value),
        text => text.Contains(with, StringComparison.Ordinal) && !text.StartsWith("ConnectionStrings", StringComparison.Ordinal));

    [GeneratedRegex(@"(?ms)^```(?<language>\w+)\n(?<text>.*?)^```$")]
    private static partial Regex Fenced();

    [GeneratedRegex(@"admin token +(?<token>\S+) ")]
    private static partial Regex Token();

    [GeneratedRegex(@"\]\((?<to>[^)#\s]+)(#[^)]*)?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\b(bench/)?\w+\.sh\b")]
    private static partial Regex Script();

    /// <summary>A command as somebody types it at the top of the repository.</summary>
    private sealed class Typed : IDisposable
    {
        private readonly Process _shell;
        private readonly StringBuilder _out = new(), _error = new();

        public Typed(string command, int port, TempFolder folder)
        {
            var start = new ProcessStartInfo("bash", ["-c", command.Replace("localhost:8080", $"localhost:{port}", StringComparison.Ordinal)])
            {
                WorkingDirectory = Repository.Root,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment =
                {
                    ["ASPNETCORE_URLS"] = $"http://localhost:{port}",
                    ["Pixel__DataDirectory"] = folder.Path,
                    ["MSBUILDDISABLENODEREUSE"] = "1",
                },
            };
            _shell = Process.Start(start)!;
            _shell.OutputDataReceived += (_, line) => Add(_out, line.Data);
            _shell.ErrorDataReceived += (_, line) => Add(_error, line.Data);
            _shell.BeginOutputReadLine();
            _shell.BeginErrorReadLine();
        }

        public bool HasEnded => _shell.HasExited;
        public string Out { get { lock (_out) return _out.ToString(); } }
        public string Error { get { lock (_error) return _error.ToString(); } }

        public async Task<int> ExitAsync()
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await _shell.WaitForExitAsync(deadline.Token);
            return _shell.ExitCode;
        }

        public void Dispose()
        {
            if (!HasEnded) _shell.Kill(entireProcessTree: true);
            _shell.WaitForExit(TimeSpan.FromSeconds(60));
            _shell.Dispose();
        }

        private static void Add(StringBuilder text, string? line) { lock (text) text.Append(line).Append('\n'); }
    }
}
