using CsCheck;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Store;

public sealed class StandingFileTests : IDisposable
{
    private static readonly Gen<SubjectStanding[]> s_any = Gen.Select(Gen.ULong, Gen.ULong, StandingTests.Any).Select((high, low, standing) => new SubjectStanding(new UInt128(high, low), standing)).Array[0, 20];
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_appended_is_read_in_the_same_order() => s_any.Array[0, 4].Sample(appends =>
    {
        var file = new StandingFile(_folder.File(Guid.NewGuid().ToString()));
        foreach (var append in appends) file.Append(append);
        Assert.Equal(appends.SelectMany(one => one), file.Read());
        file.Rewrite([.. appends.SelectMany(one => one).Take(3)]);
        Assert.Equal(appends.SelectMany(one => one).Take(3), file.Read());
    }, iter: 50, threads: 1);

    [Fact]
    public void Wherever_a_crash_cuts_the_last_append_what_was_told_before_is_there_and_the_next_append_fits()
    {
        SubjectStanding first = new(1, new() { Kept = new(-7) }), second = new(2, new() { Shared = new(-8) }), third = new(3, new() { Ads = new(9) });
        var path = _folder.File("standings");
        new StandingFile(path).Append([first]);
        var before = new FileInfo(path).Length;
        new StandingFile(path).Append([second]);
        var whole = File.ReadAllBytes(path);
        for (var length = before; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..(int)length]);
            Assert.Equal([first], new StandingFile(path).Read());
            new StandingFile(path).Append([third]);
            Assert.Equal([first, third], new StandingFile(path).Read());
        }

        File.WriteAllBytes(path, [.. whole[..^72], .. new byte[72]]); // the length was written, the bytes were not
        Assert.Equal([first], new StandingFile(path).Read());
    }

    [Fact]
    public void What_a_failed_append_left_is_not_written_behind()
    {
        SubjectStanding first = new(1, new() { Kept = new(-7) }), second = new(2, new() { Shared = new(-8) });
        var path = _folder.File("standings");
        var file = new StandingFile(path);
        file.Append([first]);
        File.AppendAllBytes(path, new byte[30]); // the disk took neither the rest of it nor that it be cut off

        file.Append([second]);

        Assert.Equal([first, second], new StandingFile(path).Read());
    }

    [Theory]
    [InlineData(0)] // the length was written, none of the bytes was
    [InlineData(5)] // or only the first of them
    public void Of_an_append_of_many_that_a_power_cut_tore_what_is_whole_is_read(int whole)
    {
        var path = _folder.File("standings");
        new StandingFile(path).Append([new(1, new() { Kept = new(-7) })]);
        new StandingFile(path).Append([.. Enumerable.Range(2, 20).Select(i => new SubjectStanding((UInt128)i, new() { Kept = new(-i) }))]);
        var bytes = File.ReadAllBytes(path);
        bytes.AsSpan(8 + 72 * (1 + whole) + 10).Clear();
        File.WriteAllBytes(path, bytes);

        var first = Enumerable.Range(1, 1 + whole).Select(i => (UInt128)i).ToList();
        Assert.Equal(first, new StandingFile(path).Read().Select(one => one.Subject));
        new StandingFile(path).Append([new(99, new() { Ads = new(9) })]);
        Assert.Equal([.. first, 99], new StandingFile(path).Read().Select(one => one.Subject));
    }

    [Fact]
    public void A_first_append_that_a_crash_cut_is_as_if_it_never_was()
    {
        var path = _folder.File("standings");
        new StandingFile(path).Append([new(1, new() { Kept = new(-7) })]);
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Empty(new StandingFile(path).Read());
            new StandingFile(path).Append([new(2, default)]);
            Assert.Equal([new(2, default)], new StandingFile(path).Read());
        }
    }

    [Fact]
    public void Damage_within_stops_and_says_what_to_do()
    {
        var path = _folder.File("standings");
        new StandingFile(path).Append([.. Enumerable.Range(1, 3).Select(i => new SubjectStanding((UInt128)i, new() { Kept = new(-i) }))]);
        var whole = File.ReadAllBytes(path);
        foreach (var at in (int[])[0, 8, 20, 75, 80])
        {
            byte[] bytes = [.. whole];
            bytes[at] ^= 0x10;
            File.WriteAllBytes(path, bytes);
            Assert.Contains("restore it", Assert.Throws<InvalidDataException>(() => new StandingFile(path).Read()).Message, StringComparison.Ordinal);
        }
    }
}
