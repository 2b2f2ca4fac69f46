using Npgsql;

namespace PixelServer.Store;

/// <summary>What an error of the server is about: a row, or the moment. By SQLSTATE (PostgreSQL manual, appendix A); messages are translated.</summary>
internal static class PostgresVerdicts
{
    /// <summary>The day of a row has no partition yet.</summary>
    public static bool IsMissingPartition(PostgresException e) =>
        e.SqlState == PostgresErrorCodes.CheckViolation && e.Routine == "ExecFindPartition";

    /// <summary>
    /// Data exception, integrity violation, a limit of the program, or bytes that do not fit the type: the same row would meet the
    /// same answer for ever. Anything else, such as a full disk or a missing right, may pass.
    /// </summary>
    public static bool JudgesARow(PostgresException e) =>
        !IsMissingPartition(e) && e.InvariantSeverity == "ERROR"
        && (e.SqlState.StartsWith("22", StringComparison.Ordinal)
            || e.SqlState.StartsWith("23", StringComparison.Ordinal)
            || e.SqlState.StartsWith("54", StringComparison.Ordinal)
            || e.SqlState == PostgresErrorCodes.ProtocolViolation);
}
