namespace PixelServer.Tests.Signals;

/// <summary>A TC string with what a test wants in it, and nothing agreed where it says nothing.</summary>
internal sealed record SomeTc
{
    public int Version { get; init; } = 2;
    public DateTimeOffset LastUpdated { get; init; } = new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
    public int Policy { get; init; } = 5;
    public bool IsServiceSpecific { get; init; } = true;
    public int[] Purposes { get; init; } = [];
    public int[] Interests { get; init; } = [];
    public bool PurposeOneTreatment { get; init; }
    public string Country { get; init; } = "FR";
    public int[] Vendors { get; init; } = [];
    public int[] VendorInterests { get; init; } = [];

    /// <summary>Purpose, kind, vendor.</summary>
    public (int, int, int)[] Restrictions { get; init; } = [];

    /// <summary>Null: there is no such segment.</summary>
    public int[]? Disclosed { get; init; } = [];

    /// <summary>Null: there is no such segment.</summary>
    public int[]? Publisher { get; init; }

    public int[] PublisherInterests { get; init; } = [];

    /// <summary>Everything was agreed to by everybody.</summary>
    public static SomeTc Yes { get; } = new() { Purposes = [.. Enumerable.Range(1, 11)], Publisher = [.. Enumerable.Range(1, 11)], Vendors = [1, 2, 755], Disclosed = [1, 2, 755] };

    public override string ToString()
    {
        var time = Convert.ToString(LastUpdated.ToUnixTimeMilliseconds() / 100, 2).PadLeft(36, '0');
        var core = N(Version, 6) + time + time + N(880, 12) + N(3, 12) + N(1, 6) + Letters("EN") + N(123, 12) + N(Policy, 6) + B(IsServiceSpecific) + "0" + N(0, 12)
            + Set(Purposes, 24) + Set(Interests, 24) + B(PurposeOneTreatment) + Letters(Country) + List(Vendors) + List(VendorInterests)
            + N(Restrictions.Length, 12) + string.Concat(Restrictions.Select(one => N(one.Item1, 6) + N(one.Item2, 2) + N(1, 12) + "0" + N(one.Item3, 16)));
        var text = TcStringTests.Text(core);
        if (Disclosed is not null) text += "." + TcStringTests.Text("001" + List(Disclosed));
        if (Publisher is not null) text += "." + TcStringTests.Text("011" + Set(Publisher, 24) + Set(PublisherInterests, 24) + N(0, 6));
        return text;
    }

    private static string N(int value, int bits) => TcStringTests.Number(value, bits);

    private static string B(bool bit) => bit ? "1" : "0";

    private static string Letters(string two) => N(two[0] - 'A', 6) + N(two[1] - 'A', 6);

    private static string Set(int[] ids, int count) => string.Concat(Enumerable.Range(1, count).Select(id => B(ids.Contains(id))));

    private static string List(int[] ids) => N(ids.DefaultIfEmpty().Max(), 16) + "0" + Set(ids, ids.DefaultIfEmpty().Max());
}
