using System.Net.Sockets;
using System.Security.Cryptography;

namespace PixelServer.Ops;

/// <summary>Tells what the operator can put right from what only a programmer can.</summary>
internal static class StartFailure
{
    /// <summary>The whole explanation on one line; null where it is no matter of the surroundings, and the stack trace is needed.</summary>
    public static string? Explain(Exception failure) => failure switch
    {
        AggregateException { InnerExceptions: [var only] } => Explain(only),
        OperatorException => Visible.Of(failure.Message),
        // Of the file, then of the place in it.
        InvalidDataException => Line(failure.Message + " " + failure.InnerException?.Message),
        IOException or UnauthorizedAccessException or SocketException or FormatException or CryptographicException => Line(failure.Message),
        InvalidOperationException when failure.Source?.StartsWith("Microsoft.AspNetCore.Server.Kestrel", StringComparison.Ordinal) == true => Line(failure.Message),
        _ => null,
    };

    private static string Line(string message) => "Cannot start: " + Visible.Of(message.ReplaceLineEndings(" ").Trim());
}

/// <summary>A failure that only the operator can put right; its message is the whole explanation, without secrets.</summary>
internal abstract class OperatorException(string message) : Exception(message);
