using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace PixelServer.Tests.Support;

/// <summary>
/// Writes a small but whole file in the MaxMind DB format, version 2.0 (maxmind.github.io/MaxMind-DB): a search tree of 24-bit records
/// over IPv6 with IPv4 under ::/96, the data of each network, and the metadata.
/// </summary>
internal static class CountryFile
{
    /// <summary>Writes <c>{"country":{"iso_code":X}}</c> for each network, given as "203.0.113.0/24".</summary>
    public static void Write(string path, string databaseType, params (string Network, string Country)[] entries)
    {
        var data = new MemoryStream();
        var tree = new List<int[]> { new[] { -1, -1 } }; // -1 nothing, 0.. a node, -2 - n the data at offset n
        foreach (var (network, country) in entries)
        {
            Add(tree, IPNetwork.Parse(network), -2 - (int)data.Position);
            Map(data, 1);
            Text(data, "country");
            Map(data, 1);
            Text(data, "iso_code");
            Text(data, country);
        }

        using var file = File.Create(path);
        foreach (var node in tree)
            foreach (var record in node)
                file.Write(Record(record switch { -1 => tree.Count, < -1 => tree.Count + 16 + (-2 - record), _ => record }));
        file.Write(new byte[16]);
        data.WriteTo(file);

        file.Write([0xAB, 0xCD, 0xEF, .. "MaxMind.com"u8]);
        Map(file, 9);
        Text(file, "binary_format_major_version"); Number(file, type: 5, 2);
        Text(file, "binary_format_minor_version"); Number(file, type: 5, 0);
        Text(file, "build_epoch"); Number(file, type: 9, 1_760_000_000);
        Text(file, "database_type"); Text(file, databaseType);
        Text(file, "description"); Map(file, 0);
        Text(file, "ip_version"); Number(file, type: 5, 6);
        Text(file, "languages"); file.Write([0x00, 0x04]);
        Text(file, "node_count"); Number(file, type: 6, (uint)tree.Count);
        Text(file, "record_size"); Number(file, type: 5, 24);
    }

    private static void Add(List<int[]> tree, IPNetwork network, int leaf)
    {
        var address = network.BaseAddress.GetAddressBytes();
        var prefix = network.PrefixLength;
        if (address.Length == 4) (address, prefix) = ([.. new byte[12], .. address], prefix + 96);
        var node = 0;
        for (var bit = 0; bit < prefix; bit++)
        {
            var side = address[bit / 8] >> (7 - bit % 8) & 1;
            if (bit == prefix - 1)
            {
                tree[node][side] = leaf;
            }
            else
            {
                if (tree[node][side] < 0)
                {
                    tree[node][side] = tree.Count;
                    tree.Add([-1, -1]);
                }
                node = tree[node][side];
            }
        }
    }

    private static byte[] Record(int value) => [(byte)(value >> 16), (byte)(value >> 8), (byte)value];

    private static void Map(Stream into, int members) => into.WriteByte((byte)(7 << 5 | members));

    private static void Text(Stream into, string text)
    {
        into.WriteByte((byte)(2 << 5 | text.Length)); // all of ours are shorter than 29 bytes
        into.Write(Encoding.UTF8.GetBytes(text));
    }

    private static void Number(Stream into, int type, uint value)
    {
        // Types beyond 7 do not fit into three bits: the field is zero and the next byte holds the type less seven.
        var size = type == 5 ? 2 : 4;
        into.Write(type <= 7 ? [(byte)(type << 5 | size)] : [(byte)size, (byte)(type - 7)]);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        into.Write(bytes[(4 - size)..]);
    }
}
