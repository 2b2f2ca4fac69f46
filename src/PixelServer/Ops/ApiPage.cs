using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace PixelServer.Ops;

/// <summary>The OpenAPI document and its page under <c>/swagger</c>, made from the registered <see cref="ApiRoute"/>s.</summary>
internal static class ApiPage
{
    private const string Bearer = "admin token";

    public static void AddApiPage(this IServiceCollection services) => services
        .AddEndpointsApiExplorer()
        .AddSwaggerGen(options =>
        {
            options.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "PixelServer",
                Version = "v1",
                Description = "Self-hosted tracking pixel. A 2xx from a door means that the event is kept, unless the pixel's 200 carries "
                    + "`X-Pixel-Refused` or the beacon's 200 lists it under `refused`; 400, 401, 403, 410, 413, 415 and 422 "
                    + "must not be retried; 429 and 503 carry `Retry-After` and may be. Errors are problem documents (RFC 9457) with a stable `code`.",
            });
            options.AddSecurityDefinition(Bearer, new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "The admin token: `Pixel:AdminToken`, or the one that was printed at the first start.",
            });
            options.DocumentFilter<Routes>();
        });

    public static void UseApiPage(this IApplicationBuilder app) => app
        .UseSwagger()
        .UseSwaggerUI(options =>
        {
            options.DocumentTitle = "PixelServer API";
            options.SwaggerEndpoint("v1/swagger.json", "v1");
        });

    private sealed class Routes(IEnumerable<ApiRoute> routes) : IDocumentFilter
    {
        public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
        {
            foreach (var path in routes.GroupBy(route => route.Path).OrderBy(group => group.Key, StringComparer.Ordinal))
            {
                swaggerDoc.Paths[path.Key] = new OpenApiPathItem
                {
                    Operations = path.ToDictionary(route => new HttpMethod(route.Method), route => Operation(route, swaggerDoc)),
                };
            }
        }
    }

    private static OpenApiOperation Operation(ApiRoute route, OpenApiDocument document) => new()
    {
        Tags = new HashSet<OpenApiTagReference> { new(route.Group, document) },
        Summary = route.Summary,
        Description = route.Description,
        Parameters = [.. route.Parameters.Select(Parameter)],
        RequestBody = route.Bodies.Count == 0 ? null : new OpenApiRequestBody
        {
            Required = true,
            Content = route.Bodies.GroupBy(body => body.ContentType).ToDictionary(bodies => bodies.Key, Bodies),
        },
        Responses = Responses(route.Answers),
        Security = route.Admin ? [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] }] : null,
    };

    private static IOpenApiParameter Parameter(ApiParameter parameter) => new OpenApiParameter
    {
        Name = parameter.Name,
        In = Enum.Parse<ParameterLocation>(parameter.Place, ignoreCase: true),
        Required = parameter.Place == "path",
        Description = parameter.Meaning,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        Example = parameter.Example,
    };

    private static OpenApiMediaType Bodies(IEnumerable<ApiBody> bodies) => new OpenApiMediaType
    {
        Examples = bodies.ToDictionary(body => body.Name, body => (IOpenApiExample)new OpenApiExample { Value = Example(body.ContentType, body.Example) }),
    };

    private static OpenApiResponses Responses(IEnumerable<ApiAnswer> answers)
    {
        var responses = new OpenApiResponses();
        foreach (var answer in answers.GroupBy(one => one.Status))
        {
            // One status may come in several content types, but only once in the document.
            var contents = answer.Where(one => one.ContentType is not null)
                .ToDictionary(one => one.ContentType!, one => new OpenApiMediaType { Example = Example(one.ContentType!, one.Example) });
            responses.Add(answer.Key.ToString(System.Globalization.CultureInfo.InvariantCulture), new OpenApiResponse
            {
                Description = string.Join("\n", answer.Select(one => one.Meaning)),
                Content = contents.Count == 0 ? null : contents,
            });
        }

        return responses;
    }

    private static JsonNode? Example(string contentType, string? example) =>
        example is not null && contentType.EndsWith("json", StringComparison.Ordinal) ? JsonNode.Parse(example) : example;
}
