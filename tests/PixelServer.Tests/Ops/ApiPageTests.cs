using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class ApiPageTests(PixelApp app) : IClassFixture<PixelApp>
{
    [Fact]
    public async Task The_document_is_the_golden_one()
    {
        var json = await app.Client.GetStringAsync("/swagger/v1/swagger.json");

        Golden.Matches("openapi.json", json.ReplaceLineEndings("\n").TrimEnd() + "\n");
    }

    [Fact]
    public async Task Every_route_that_is_mapped_is_in_the_document()
    {
        var document = await app.Client.GetFromJsonAsync<JsonElement>("/swagger/v1/swagger.json");
        var described = document.GetProperty("paths").EnumerateObject().Select(path => path.Name).ToArray();

        var mapped = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint => "/" + endpoint.RoutePattern.RawText!.Trim('/')).Distinct();

        Assert.Subset(described.ToHashSet(), mapped.ToHashSet());
        Assert.Contains("/p.gif", described);
        Assert.Contains("/b", described);
    }

    [Fact]
    public async Task The_page_comes_with_headers_that_keep_it_to_itself()
    {
        using var answer = await app.Client.GetAsync("/swagger/index.html");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", answer.Headers.GetValues("X-Frame-Options").Single());
        Assert.Contains("frame-ancestors 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        // The policy allows no script inside the page, and it needs none.
        Assert.DoesNotMatch("<script(?![^>]* src=)", await answer.Content.ReadAsStringAsync());
    }
}
