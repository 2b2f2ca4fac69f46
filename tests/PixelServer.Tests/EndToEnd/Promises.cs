using Microsoft.Playwright;

namespace PixelServer.Tests.EndToEnd;

/// <summary>Promises of a page. The browser driver's timeouts do not hold for them: one that is not kept would be waited for until the whole run is ended.</summary>
internal static class Promises
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static Task PromisedAsync(this IPage page, string promise) => page.EvaluateAsync(promise).WaitAsync(s_patience);

    public static Task<T> PromisedAsync<T>(this IPage page, string promise, object? argument = null) => page.EvaluateAsync<T>(promise, argument).WaitAsync(s_patience);
}
