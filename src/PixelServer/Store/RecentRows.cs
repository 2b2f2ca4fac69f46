using System.Data.Common;
using System.Globalization;
using System.Text;

namespace PixelServer.Store;

/// <summary>Turns rows whose columns are texts (<see cref="EventText"/>) into JSON objects.</summary>
internal static class RecentRows
{
    public static async Task<IReadOnlyList<string>> ReadAsync(DbDataReader rows, CancellationToken ct)
    {
        var objects = new List<string>();
        var texts = new string?[EventColumns.All.Count];
        while (await rows.ReadAsync(ct))
        {
            for (var i = 0; i < texts.Length; i++) texts[i] = rows.IsDBNull(i) ? null : Text(rows, i);
            objects.Add(Encoding.UTF8.GetString(EventJson.Of(texts)));
        }

        return objects;
    }

    // SQLite's own rendering of a double shows digits that the amount never had (-8953286428370.87 as -8953286428370.8691); a double
    // that came from at most 15 digits is rounded back to them.
    private static string Text(DbDataReader rows, int column) =>
        rows.GetFieldType(column) == typeof(double) ? ((decimal)rows.GetDouble(column)).ToString(CultureInfo.InvariantCulture) : rows.GetString(column);
}
