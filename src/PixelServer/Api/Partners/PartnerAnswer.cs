using System.Text;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>Answers as the partner's own server gives them; refusals are our problem documents, with what the partner's clients look for beside it.</summary>
internal static class PartnerAnswer
{
    /// <summary>What is written when the event is durable.</summary>
    public static (string ContentType, string Body) Ok(string partner) => partner switch
    {
        AppsFlyer.Partner => ("text/plain", "ok"),
        Adjust.Partner => ("text/plain", "OK"),
        _ => ("application/json", """{"branch_view_enabled":false}"""),
    };

    public static Task WriteAsync(HttpResponse response, string partner, Refusal? refusal)
    {
        if (refusal is null)
        {
            var (type, body) = Ok(partner);
            return Answer.WriteAsync(response, StatusCodes.Status200OK, type, Encoding.ASCII.GetBytes(body));
        }

        return partner switch
        {
            Adjust.Partner => refusal.WriteAsync(response, json => json.WriteString("error", $"Event request failed ({refusal.Title})")),
            Branch.Partner => refusal.WriteAsync(response, json =>
            {
                json.WriteStartObject("error");
                json.WriteNumber("code", refusal.Status);
                json.WriteString("message", refusal.Title);
                json.WriteEndObject();
            }),
            _ => refusal.WriteAsync(response),
        };
    }
}
