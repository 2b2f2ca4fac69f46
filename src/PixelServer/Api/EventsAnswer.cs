using System.Text.Json;
using PixelServer.Collect;
using PixelServer.Ops;

namespace PixelServer.Api;

/// <summary>What a backend is told about the events that it sent.</summary>
internal sealed class EventsAnswer
{
    /// <summary>So that an answer cannot be larger than what it answers.</summary>
    private const int MostWarnings = 1_000;

    private readonly List<(int Index, Warning Warning, string? Member)> _warnings = [];
    private int _unnamed;

    public required HitBatch Batch { get; init; }

    /// <summary>Whether the ids of the rows are told: 60 bytes for each event, which few read.</summary>
    public bool WithIds { get; init; }

    /// <param name="index">Place of the event in the body.</param>
    /// <param name="warning">What was not taken as it was sent.</param>
    /// <param name="member">The member's documented name; null where the warning is of one member only.</param>
    public void Warn(int index, Warning warning, string? member = null)
    {
        if (_warnings.Count < MostWarnings) _warnings.Add((index, warning, member));
        else _unnamed++;
    }

    /// <summary>To be called when every event is durable or lost. What can be sent again decides: a 2xx would make the backend forget it.</summary>
    public Task WriteAsync(HttpResponse response)
    {
        if ((Batch.Whole ?? Batch.Retry) is { } refusal) return refusal.WriteAsync(response, Batch);
        if (Batch.Accepted == 0) return Batch.Refused[0].Refusal.WriteAsync(response, Batch);

        if (WithIds) response.Headers["Preference-Applied"] = "return=representation"; // RFC 7240 3
        return Answer.WriteAsync(response, Write);
    }

    private void Write(Utf8JsonWriter json)
    {
        Batch.WriteReceipt(json);
        json.WriteStartArray("warnings");
        foreach (var (index, warning, member) in _warnings)
        {
            json.WriteStartObject();
            json.WriteNumber("index", index);
            json.WriteString("code", warning.Code);
            if (member is not null) json.WriteString("member", member);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (_unnamed > 0) json.WriteNumber("more_warnings", _unnamed);
        if (WithIds) WriteIds(json);
    }

    private void WriteIds(Utf8JsonWriter json)
    {
        json.WriteStartArray("events");
        foreach (var (index, hit) in Batch.Taken)
        {
            json.WriteStartObject();
            json.WriteNumber("index", index);
            json.WriteString("event_id", hit.EventId);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
