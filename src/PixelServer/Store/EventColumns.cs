namespace PixelServer.Store;

/// <summary>What a column holds, as far as its text and its JSON form go.</summary>
internal enum ColumnKind { Id, Time, Text, Number, Address, List, Flag, Json }

/// <summary>The columns of <c>events</c> in the contract's order: COPY, insert, select and JSON all follow this one list.</summary>
internal static class EventColumns
{
    public static readonly IReadOnlyList<(string Name, ColumnKind Kind)> All =
    [
        ("event_id", ColumnKind.Id), ("received_at", ColumnKind.Time), ("occurred_at", ColumnKind.Time),
        ("site_id", ColumnKind.Text), ("source", ColumnKind.Text), ("name", ColumnKind.Text), ("client_event_id", ColumnKind.Text),
        ("visitor_id", ColumnKind.Id), ("visitor_kind", ColumnKind.Text), ("user_id", ColumnKind.Text), ("email_sha256", ColumnKind.Text),
        ("url", ColumnKind.Text), ("host", ColumnKind.Text), ("path", ColumnKind.Text), ("title", ColumnKind.Text),
        ("referrer", ColumnKind.Text), ("referrer_host", ColumnKind.Text),
        ("utm_source", ColumnKind.Text), ("utm_medium", ColumnKind.Text), ("utm_campaign", ColumnKind.Text),
        ("utm_term", ColumnKind.Text), ("utm_content", ColumnKind.Text),
        ("click_id_kind", ColumnKind.Text), ("click_id", ColumnKind.Text),
        ("value", ColumnKind.Number), ("currency", ColumnKind.Text), ("ip", ColumnKind.Address), ("country", ColumnKind.Text),
        ("user_agent", ColumnKind.Text), ("browser", ColumnKind.Text), ("os", ColumnKind.Text), ("device", ColumnKind.Text),
        ("traffic", ColumnKind.Text), ("traffic_reasons", ColumnKind.List),
        ("consent_storage", ColumnKind.Flag), ("consent_measurement", ColumnKind.Flag), ("consent_ads", ColumnKind.Flag),
        ("gpc", ColumnKind.Flag), ("properties", ColumnKind.Json),
    ];

    /// <summary>All names, separated by commas, as SQL wants them.</summary>
    public static readonly string Names = string.Join(", ", All.Select(column => column.Name));
}
