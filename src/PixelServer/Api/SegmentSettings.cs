using System.ComponentModel.DataAnnotations;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>What SDKs of the Segment kind are told; section <c>Pixel:Segment</c>.</summary>
internal sealed class SegmentOptions
{
    /// <summary>Host, port and path, without a scheme, to which SDKs that ask for their settings are sent. Empty, the default: the host that they asked, and <c>/v1</c>. To be set where a proxy changes the Host header.</summary>
    [RegularExpression("^$|^[A-Za-z0-9.:\\[\\]-]+(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$", ErrorMessage = "a host with a path and without a scheme, such as t.example.com/v1")]
    public string ApiHost { get; init; } = "";
}

/// <summary>The settings that SDKs fetch before they send anything.</summary>
/// <remarks>
/// <para>The answer names our own host, because an SDK believes it more than the app: those for Swift, Kotlin, C# and React Native put <c>apiHost</c> over what the app
/// configured, and React Native without a proxy and a browser without an <c>apiHost</c> of its own send to Segment where it is missing. So it is what the client reached
/// us by, which is right whenever this answer arrives at all. <c>protocol</c> is read by the browser only; the others always use HTTPS.</para>
/// <para>Every key gets this answer, known or not, so that nobody learns about a key from it, and because a refusal would do worse than nothing: an app's
/// SDK that gets none goes on with settings that were built into it, and these name Segment's own host. A wrong key is refused where events arrive.</para>
/// <para><c>sampleRate</c> 0 keeps SDKs from sending figures about themselves to their maker.</para>
/// </remarks>
internal sealed class SegmentSettings(SegmentOptions options, Callers callers)
{
    public Task AnswerAsync(HttpContext http, string key)
    {
        SegmentDoor.AllowEveryPage(http.Response.Headers);
        return Answer.WriteAsync(http.Response, json =>
        {
            json.WriteStartObject("integrations");
            json.WriteStartObject("Segment.io");
            json.WriteString("apiKey", key); // the browser's SDK sends with this one
            json.WriteString("apiHost", options.ApiHost.Length > 0 ? options.ApiHost : $"{http.Request.Host}/v1");
            json.WriteString("protocol", callers.IsHttps(http) ? "https" : "http");
            json.WriteEndObject();
            json.WriteEndObject();
            foreach (var empty in (ReadOnlySpan<string>)["plan", "edgeFunction"])
            {
                json.WriteStartObject(empty);
                json.WriteEndObject();
            }

            json.WriteStartObject("metrics");
            json.WriteNumber("sampleRate", 0);
            json.WriteEndObject();
        });
    }
}
