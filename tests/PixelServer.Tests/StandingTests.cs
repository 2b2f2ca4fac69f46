using CsCheck;
using PixelServer.Tests.Support;

namespace PixelServer.Tests;

/// <summary>Words, standings and the keyed hash of a subject, by themselves.</summary>
public sealed class StandingTests
{
    internal static readonly Gen<Word> AnyWord = Gen.Long[-4, 4].Select(value => new Word(value));

    internal static readonly Gen<Standing> Any = Gen.Select(AnyWord, AnyWord, AnyWord, AnyWord, AnyWord, AnyWord).Select(words =>
        new Standing(words.Item1, words.Item2, words.Item3, words.Item4, words.Item5, words.Item6));

    [Fact]
    public void The_later_word_holds_and_of_two_at_once_the_no()
    {
        var at = new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(Word.Yes(at.AddSeconds(1)), Word.No(at).Or(Word.Yes(at.AddSeconds(1))));
        Assert.Equal(Word.No(at.AddSeconds(1)), Word.Yes(at).Or(Word.No(at.AddSeconds(1))));
        Assert.Equal(Word.No(at), Word.Yes(at).Or(Word.No(at)));
        Assert.Equal(Word.No(at), default(Word).Or(Word.No(at)));
        Assert.False(default(Word).IsNo || default(Word).IsYes);
        Assert.True(Word.No(DateTimeOffset.UnixEpoch).IsNo); // a moment of zero is still a word
    }

    [Fact]
    public void In_whatever_order_and_however_often_words_come_the_same_holds() =>
        Gen.Select(Any, Any, Any).Sample((a, b, c) =>
        {
            Assert.Equal(a.Merge(b), b.Merge(a));
            Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c)));
            Assert.Equal(a, a.Merge(a));
            Assert.Equal(a, a.Merge(default));
            Assert.Equal(a.With(b), b.With(a));
        });

    [Fact]
    public void What_is_forbidden_for_one_name_of_an_event_is_not_allowed_by_another()
    {
        var erased = new Standing { Kept = new(-1) };
        var released = new Standing { Kept = new(9), Processed = new(9) };
        Assert.True(erased.With(released).IsErased);
        Assert.True(new Standing { Processed = new(-1) }.With(released).IsRestricted);
        Assert.False(erased.Merge(released).IsErased); // the same name, later
    }

    [Fact]
    public void A_consent_to_advertising_lifts_an_opt_out_only_where_it_is_later()
    {
        Assert.True(new Standing { Shared = new(-5) }.IsOptedOut);
        Assert.True(new Standing { Shared = new(-5), Ads = new(5) }.IsOptedOut);
        Assert.True(new Standing { Shared = new(-5), Ads = new(4) }.IsOptedOut);
        Assert.False(new Standing { Shared = new(-5), Ads = new(6) }.IsOptedOut);
        Assert.False(new Standing { Ads = new(-6) }.IsOptedOut);
    }

    [Fact]
    public void An_opt_out_moves_with_its_latest_signal_in_memory_at_once_and_on_disk_by_the_hour()
    {
        var at = new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);
        var standings = new Standings();
        foreach (var minutes in (int[])[0, 1, 59, 30])
            standings.OptOut(7, Word.No(at.AddMinutes(minutes)));
        Assert.Equal(Word.No(at.AddMinutes(59)), standings.Of(7).Shared);
        Assert.Equal((7, null), (standings.NextTold(), standings.NextTold())); // a browser says it with every event
        standings.Learn(7, new() { Ads = Word.Yes(at.AddMinutes(40)) }); // told late: older than the last signal
        Assert.True(standings.Of(7).IsOptedOut);

        standings.OptOut(7, Word.No(at.AddMinutes(61)));
        Assert.Equal((7, null), (standings.NextTold(), standings.NextTold()));
        standings.Learn(7, new() { Ads = Word.Yes(at.AddMinutes(62)) });
        standings.OptOut(7, Word.No(at.AddMinutes(63))); // in the same hour, but it opts out anew
        Assert.Equal((UInt128)7, standings.NextTold());
        Assert.True(standings.Of(7).IsOptedOut);
    }

    [Fact]
    public void A_subject_is_another_for_every_site_kind_identifier_and_key()
    {
        var keys = new SubjectKeys(new byte[32]);
        var visitor = Guid.Parse("0b5f8c2e-1f2a-4c3d-9e8f-112233445566");
        UInt128[] all =
        [
            keys.Of("shop", SubjectKind.User, "u1"), keys.Of("shop", SubjectKind.Email, "u1"), keys.Of("shop2", SubjectKind.User, "u1"), keys.Of("shop", SubjectKind.User, "u2"),
            keys.Of("shop", SubjectKind.User, ""), keys.Of("", SubjectKind.User, "shop"), keys.Of("shop", visitor), new SubjectKeys([1, .. new byte[31]]).Of("shop", visitor),
            keys.Of("shop", SubjectKind.User, new string('ü', 2_000)), keys.Of("shop", SubjectKind.User, new string('ü', 2_001)),
        ];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.Equal(all[6], keys.Of("shop", SubjectKind.Visitor, visitor.ToString("D")));
    }

    [Fact]
    public void Collectors_with_the_same_secret_make_the_same_subjects_and_with_another_others()
    {
        using var folder = new TempFolder();
        var directory = new PixelServer.Ops.DataDirectory(folder.Path);
        var shared = SubjectKeys.Of(new string('k', 32), () => throw new InvalidOperationException("not asked"));
        Assert.Equal(shared.Of("s", SubjectKind.User, "u"), SubjectKeys.Of(new string('k', 32), () => directory).Of("s", SubjectKind.User, "u"));
        Assert.Equal(SubjectKeys.Of("", () => directory).Of("s", SubjectKind.User, "u"), SubjectKeys.Of("", () => directory).Of("s", SubjectKind.User, "u"));
        Assert.NotEqual(shared.Of("s", SubjectKind.User, "u"), SubjectKeys.Of("", () => directory).Of("s", SubjectKind.User, "u"));
        Assert.NotEqual(shared.Of("s", SubjectKind.User, "u"), SubjectKeys.Of(new string('k', 33), () => directory).Of("s", SubjectKind.User, "u"));
    }

    [Fact]
    public void Standings_answer_as_the_plain_merge_of_all_words()
    {
        Gen.Select(Gen.Int[0, 3], Any).Array[0, 30].Sample(words =>
        {
            var standings = new Standings();
            foreach (var (subject, standing) in words) standings.Learn((UInt128)subject, standing);
            Assert.Equal(words.Length == 0, standings.IsEmpty);
            for (var subject = 0; subject <= 3; subject++)
            {
                var expected = words.Where(one => one.Item1 == subject).Aggregate(default(Standing), (known, one) => known.Merge(one.Item2));
                Assert.Equal(expected, standings.Of((UInt128)subject));
            }
        });
    }
}
