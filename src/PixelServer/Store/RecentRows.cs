using System.Data.Common;
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
            for (var i = 0; i < texts.Length; i++) texts[i] = rows.IsDBNull(i) ? null : rows.GetString(i);
            objects.Add(Encoding.UTF8.GetString(EventJson.Of(texts)));
        }

        return objects;
    }
}
