using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class ProblemTests(PixelApp app) : IClassFixture<PixelApp>
{
    [Theory]
    [InlineData("GET", "/no/such/page", 404, "not_found")]
    [InlineData("GET", "/%ff/..%2f..%2fetc/passwd", 404, "not_found")]
    [InlineData("GET", "/.env", 404, "not_found")]
    [InlineData("POST", "/healthz", 405, "method_not_allowed")]
    [InlineData("DELETE", "/readyz", 405, "method_not_allowed")]
    public async Task What_is_not_there_is_a_problem_document_whatever_the_caller_accepts(string method, string address, int status, string code)
    {
        foreach (var accept in (string[])["*/*", "image/png", "text/html"])
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), address);
            request.Headers.TryAddWithoutValidation("Accept", accept);

            using var answer = await app.Client.SendAsync(request);

            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();
            Assert.Equal(code, problem.GetProperty("code").GetString());
            Assert.Equal(status, problem.GetProperty("status").GetInt32());
            Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        }
    }

    [Fact]
    public async Task What_is_no_HTTP_is_turned_away_by_the_web_server_itself_without_a_body()
    {
        using var answer = await app.Client.GetAsync("/%00");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Empty(await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_mistake_of_ours_is_told_without_details_and_logged_once()
    {
        await using var broken = await PixelApp.StartAsync(replace: services => services.AddSingleton<IStartupFilter>(new Fault()));

        using var answer = await broken.Client.GetAsync("/fault");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var body = await answer.Content.ReadAsStringAsync();
        Assert.Equal("internal_error", JsonDocument.Parse(body).RootElement.GetProperty("code").GetString());
        Assert.DoesNotContain("inner workings", body, StringComparison.Ordinal);
        Assert.Single(broken.Output.Split("inner workings")[1..]);
    }

    [Theory]
    [InlineData(400, "http_400")]
    [InlineData(503, "http_503")]
    [InlineData(418, "http_418")]
    [InlineData(404, "not_found")]
    [InlineData(500, "internal_error")]
    public void A_bare_status_is_not_explained_by_a_guess(int status, string code) => Assert.Equal(code, Problem.Of(status).Code);

    [Fact]
    public void Every_code_is_documented_with_its_status()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "errors.md"));

        Assert.All(Problem.All, problem => Assert.Contains($"| `{problem.Code}` | {problem.Status} |", document, StringComparison.Ordinal));
    }

    /// <summary>An address behind everything of ours that throws.</summary>
    private sealed class Fault : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => builder =>
        {
            next(builder);
            builder.Map("/fault", branch => branch.Run(_ => throw new InvalidOperationException("inner workings")));
        };
    }
}
