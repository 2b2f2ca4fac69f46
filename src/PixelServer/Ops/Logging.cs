using System.Globalization;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;

namespace PixelServer.Ops;

/// <summary>Where log events go and what they look like: standard output, one event per line, nothing per request.</summary>
internal static class Logging
{
    public static void AddLog(this IServiceCollection services, OpsOptions options) =>
        services.AddLogging().AddSerilog(
            (provider, log) => log
                .MinimumLevel.Is((LogEventLevel)Enum.Parse<LogEventLevel>(options.LogLevel.ToString()))
                .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
                .MinimumLevel.Override("System", LogEventLevel.Warning)
                .MinimumLevel.Override("Npgsql", LogEventLevel.Warning)
                // While this category is on, at any level, the host makes an Activity and a log scope for every request.
                .MinimumLevel.Override("Microsoft.AspNetCore.Hosting.Diagnostics", LevelAlias.Off)
                // Program tells it in one line, without the stack.
                .Filter.ByExcluding(e => e.MessageTemplate.Text == "Hosting failed to start")
                // What a client makes of its own connection, by hanging up at the wrong moment, is no reason to call an operator.
                .Filter.ByExcluding(e => e.MessageTemplate.Text == "Connection processing ended abnormally.")
                .WriteTo.Sink(new TerminalSink(provider.GetRequiredService<Terminal>(), Formatter(options.LogFormat))),
            preserveStaticLogger: true); // two servers in one test process must not share a logger

    private static ITextFormatter Formatter(LogFormat format) => format switch
    {
        LogFormat.Json => new RenderedCompactJsonFormatter(),
        _ => new TextLine(),
    };

    /// <summary>Gives every event to the terminal, with nothing in it that could pass for another line.</summary>
    private sealed class TerminalSink(Terminal terminal, ITextFormatter formatter) : ILogEventSink
    {
        public void Emit(LogEvent logEvent)
        {
            using var text = new StringWriter(CultureInfo.InvariantCulture);
            formatter.Format(logEvent, text);
            // \uXXXX means the same inside a JSON string, and outside its strings the JSON has no such characters.
            terminal.Write(string.Concat(text.ToString().TrimEnd().Split('\n').Select(line => Visible.Of(line.TrimEnd('\r')) + "\n")));
        }
    }

    /// <summary>Time, level, where from, message; below it a stack trace, indented, so that no foreign text begins a line.</summary>
    private sealed class TextLine : ITextFormatter
    {
        public void Format(LogEvent logEvent, TextWriter output)
        {
            var source = logEvent.Properties.TryGetValue("SourceContext", out var value) && value is ScalarValue { Value: string name }
                ? name[(name.LastIndexOf('.') + 1)..] : "-";
            output.Write(logEvent.Timestamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            output.Write($" {Letters(logEvent.Level)} {source}: {Visible.Of(logEvent.RenderMessage(CultureInfo.InvariantCulture))}\n");
            if (logEvent.Exception is not { } exception) return;
            foreach (var line in exception.ToString().Split('\n')) output.Write($"    | {line.TrimEnd('\r')}\n");
        }

        private static string Letters(LogEventLevel level) => level switch
        {
            LogEventLevel.Verbose => "trc",
            LogEventLevel.Debug => "dbg",
            LogEventLevel.Information => "inf",
            LogEventLevel.Warning => "WRN",
            LogEventLevel.Error => "ERR",
            _ => "FTL",
        };
    }
}
