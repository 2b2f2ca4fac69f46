using System.ComponentModel.DataAnnotations;

namespace PixelServer.Ops;

/// <summary>How log lines look.</summary>
internal enum LogFormat
{
    /// <summary>One readable line per event, for eyes. The default.</summary>
    Text,

    /// <summary>One JSON object per line (compact log event format), for collectors.</summary>
    Json,
}

/// <summary>The least important events that are still logged.</summary>
internal enum LogLevelName
{
    /// <summary>Everything, personal data included: for a test machine only.</summary>
    Debug,
    Information,
    Warning,
    Error,
}

/// <summary>How the server is watched and stopped; section <c>Pixel:Ops</c>.</summary>
internal sealed class OpsOptions
{
    public LogFormat LogFormat { get; init; } = LogFormat.Text;

    /// <summary>Of our own log events; the framework's begin at Warning whatever stands here.</summary>
    public LogLevelName LogLevel { get; init; } = LogLevelName.Information;

    /// <summary>
    /// How long a stopping server still answers while <c>/readyz</c> is already red, so that a load balancer can turn away
    /// first. Default none.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainDelay { get; init; } = TimeSpan.Zero;

    /// <summary>
    /// How long stopping may take after that: open requests, the journal's last flush, the drain's last pass. What is not in
    /// the store by then waits in the journal for the next start.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);
}
