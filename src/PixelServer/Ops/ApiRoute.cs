using System.Text;

namespace PixelServer.Ops;

/// <summary>One route as the API page shows it. Every stage registers its own, so that the page needs to know no stage.</summary>
/// <param name="Method">As in HTTP, upper case.</param>
/// <param name="Path">With placeholders in braces.</param>
/// <param name="Group">The heading it stands under.</param>
/// <param name="Summary">One line.</param>
internal sealed record ApiRoute(string Method, string Path, string Group, string Summary)
{
    /// <summary>More than one line, in Markdown; null for none.</summary>
    public string? Description { get; init; }

    public IReadOnlyList<ApiParameter> Parameters { get; init; } = [];
    public IReadOnlyList<ApiAnswer> Answers { get; init; } = [];

    /// <summary>Bodies that are taken, one per content type and shape.</summary>
    public IReadOnlyList<ApiBody> Bodies { get; init; } = [];

    /// <summary>Only for the bearer of the admin token.</summary>
    public bool Admin { get; init; }
}

/// <summary>Something the caller may say.</summary>
/// <param name="Name">As sent.</param>
/// <param name="Place"><c>query</c>, <c>header</c>, <c>cookie</c> or <c>path</c>.</param>
/// <param name="Meaning">With its limit.</param>
/// <param name="Example">A value that works; null for none.</param>
internal sealed record ApiParameter(string Name, string Place, string Meaning, string? Example = null);

/// <summary>Something the server may answer.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Meaning">When.</param>
/// <param name="ContentType">Null for an answer without a body.</param>
/// <param name="Example">A body, JSON where the content type is; null for none.</param>
internal sealed record ApiAnswer(int Status, string Meaning, string? ContentType = null, string? Example = null)
{
    /// <summary>All problems of one status as one answer, each code with its title.</summary>
    public static IEnumerable<ApiAnswer> Of(params IEnumerable<ProblemDocument> problems) =>
        problems.GroupBy(one => one.Status).OrderBy(group => group.Key).Select(group => new ApiAnswer(
            group.Key,
            string.Join("\n", group.Select(one => $"- `{one.Code}`: {one.Title}")),
            "application/problem+json",
            Encoding.UTF8.GetString(group.First().ToJson().Span)));
}

/// <summary>A body that the route takes.</summary>
/// <param name="ContentType">Media type.</param>
/// <param name="Name">One word for the example.</param>
/// <param name="Example">A whole body that works.</param>
internal sealed record ApiBody(string ContentType, string Name, string Example);
