using System.Globalization;
using System.Text.Unicode;
using Microsoft.Data.Sqlite;

namespace PixelServer.Store;

/// <summary>Binds events to the one prepared insert of <see cref="SqliteStore"/>.</summary>
internal static class SqliteRows
{
    private static readonly string Insert =
        $"insert into events ({EventColumns.Names}) values ({string.Join(", ", EventColumns.All.Select((_, i) => $"$p{i}"))})";

    public static SqliteCommand Prepare(SqliteConnection connection)
    {
        var insert = connection.CreateCommand();
        insert.CommandText = Insert;
        for (var i = 0; i < EventColumns.All.Count; i++) insert.Parameters.Add(new SqliteParameter { ParameterName = $"$p{i}" });
        insert.Prepare();
        return insert;
    }

    /// <exception cref="RefusedRowException">What PostgreSQL would refuse too: U+0000, a lone surrogate, an unknown word.</exception>
    public static void Bind(SqliteCommand insert, Event e)
    {
        if (!Enum.IsDefined(e.Hit.Source)) throw PostgresRows.Unknown("source");
        if (!Enum.IsDefined(e.Hit.VisitorKind)) throw PostgresRows.Unknown("visitor_kind");
        if (!Enum.IsDefined(e.Traffic)) throw PostgresRows.Unknown("traffic");
        if (!Utf8.IsValid(e.Hit.Properties.Span)) throw PostgresRows.NotWellFormed();
        foreach (var reason in e.TrafficReasons) CheckStorable(reason);

        var texts = EventText.Of(e);
        for (var i = 0; i < texts.Length; i++)
        {
            insert.Parameters[i].Value = (EventColumns.All[i].Kind, texts[i]) switch
            {
                (_, null) => DBNull.Value,
                (ColumnKind.Flag, var flag) => flag == "1" ? 1L : 0L,
                (ColumnKind.Number, var number) => Number(e.Hit.Value!.Value, number),
                (_, var text) => CheckStorable(text),
            };
        }
    }

    /// <summary>
    /// A number where SQLite's own numbers hold the amount exactly, so that sums and comparisons work; else the digits as text,
    /// which <c>sum()</c> still reads. A double keeps any 15 digits.
    /// </summary>
    private static object Number(decimal value, string text)
    {
        if (decimal.IsInteger(value) && value is >= -999_999_999_999_999_999m and <= 999_999_999_999_999_999m) return (long)value;
        return text.Count(char.IsAsciiDigit) <= 15 ? double.Parse(text, CultureInfo.InvariantCulture) : text;
    }

    private static string CheckStorable(string text) => EventText.IsStorable(text) ? text : throw PostgresRows.NotWellFormed();
}
