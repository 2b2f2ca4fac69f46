using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;
using PixelServer.Api;
using PixelServer.Collect;

namespace PixelServer.Tests.Api;

/// <summary>How what tells who somebody is becomes hashes.</summary>
public sealed class IdentitiesTests
{
    // Own inputs; the hashes were made with sha256sum, those of Reddit, X and UID2 are the ones they publish.
    [Theory]
    [InlineData("email", "jane.doe+news@gmail.com", "email_sha256", "f41439c944a763c9812d700a779941cec169de13c9ccd13aaf9424ba5231620a")]
    [InlineData("email", " Jane.Doe+News@GMAIL.com\u00a0", "email_sha256", "f41439c944a763c9812d700a779941cec169de13c9ccd13aaf9424ba5231620a")]
    [InlineData("email", "jane.doe+news@gmail.com", "email_undotted_sha256", "d3b270ea0941753cc9e5a239cbd68cf66735867f70b0fa04d47b00e1c1a194d6")]
    [InlineData("email", "jane.doe+news@gmail.com", "email_bare_sha256", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69")]
    [InlineData("email", "Al.ice$+Apple@Example.Com", "email_bare_sha256", "ff8d9819fc0e12bf0d24892e45987e249a28dce836a85cad60e28eaaa8c6d976")]
    [InlineData("email", "person@example.com", "email_sha256", "542d240129883c019e106e3b1b2d3f3cb3537c43c425364de8e951d5a3083345")]
    [InlineData("email", "user@example.com", "email_sha256", "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514")]
    [InlineData("email", " JANE.Saoirse+Work@gmail.com ", "email_bare_sha256", "92ee26057ed9dea2535d6c8b141d48373932476599196e00352254896db5888f")]
    [InlineData("email", "Jane.Saoirse@gmail.com", "email_sha256", "58bad64ae1c94e2bfdcf592ca545bea6201cbe1a87f8bef0cb88388f88009649")]
    [InlineData("phone", "+1 (415) 555-0123", "phone_digits_sha256", "413ba75461ab5f99d36820e561ea97e2bd80f9cb586f7ecea6cf4c496518950a")]
    [InlineData("phone", "+1 (415) 555-0123 ext. 7", "phone_sha256", "36a2cef4ff9bf7a1abd2a93359136b870393be4106e6c5d19b72ff564f9deca4")]
    [InlineData("first_name", "Jane", "first_name_sha256", "81f8f6dde88365f3928796ec7aa53f72820b06db8664f5fe76a7eb13e24546a2")]
    [InlineData("last_name", " O'Brien", "last_name_sha256", "65b87174be3b1b122e2b0929f0b84888637d31a4a83bb96a860bcff411f5e668")]
    [InlineData("last_name", " O'Brien", "last_name_unpunctuated_sha256", "b4cb6cb33fe4b865868de825023a1e2790dc12ac01ecc8d7c5afe8254071c8ba")]
    [InlineData("city", "New York", "city_sha256", "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5")]
    [InlineData("state", "New York", "state_code_sha256", "1b06e2003f8420d6fa42badd8f77ec0f706b976b7a48b13c567dc5a559681683")]
    [InlineData("state", "NY", "state_sha256", "1b06e2003f8420d6fa42badd8f77ec0f706b976b7a48b13c567dc5a559681683")]
    [InlineData("state", "US-NY", "state_sha256", "1b06e2003f8420d6fa42badd8f77ec0f706b976b7a48b13c567dc5a559681683")]
    [InlineData("country", "US", "country_sha256", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621")]
    [InlineData("country", "USA", "country_sha256", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621")]
    [InlineData("zip", "94107-1234", "zip_sha256", "c884a209ebe08750a7d13db63bd02233b375bd79786cbe329ab11586cc35dead")]
    [InlineData("external_id", " EA7583CD-A667-48BC-B806-42ECB2B48606", "external_id_sha256", "70574fa9c8f498a7b2e5c8712b1126de7b1406fd02fdc591821c5bd33092fd1c")]
    [InlineData("external_id", " EA7583CD-A667-48BC-B806-42ECB2B48606", "external_id_lower_sha256", "6cd6140c54b2741b81b0099b232a3ddaeed82df456f43563574877baec22b632")]
    public void A_hash_is_the_one_that_everybody_makes(string key, string text, string name, string hash) =>
        Assert.Equal(hash, Take(new Dictionary<string, object> { [key] = text }).Hashes(name).Single());

    [Theory]
    [InlineData("email", " Jané@BÜCHER.example ", "jané@xn--bcher-kva.example")]
    [InlineData("phone", "0044 20 7946 0958", "+442079460958")]
    [InlineData("phone", "tel:+1-415-555-0123", "+14155550123")]
    [InlineData("date_of_birth", "1990-01-31", "19900131")]
    [InlineData("date_of_birth", "19900131", "19900131")]
    [InlineData("date_of_birth", "1990-01-31T00:00:00Z", "19900131")]
    [InlineData("gender", "Female", "f")]
    [InlineData("gender", "non-binary", "n")]
    [InlineData("street", " 1 Infinite Loop ", "1 infinite loop")]
    [InlineData("city", "Saint-Étienne", "saintétienne")]
    [InlineData("city", "東京", "東京")]
    [InlineData("state", "California", "california")]
    [InlineData("zip", "SW1A 1AA", "sw1a1aa")]
    public void The_canonical_form_is_hashed(string key, string text, string canonical) =>
        Assert.Equal(Sha256(canonical), Take(new Dictionary<string, object> { [key] = text }).Hashes(key + "_sha256").Single());

    [Theory]
    [InlineData("email", "jane.doe+a@googlemail.com", "email_undotted_sha256", "janedoe+a@googlemail.com")]
    [InlineData("first_name", "Mary Ann", "first_name_unspaced_sha256", "maryann")]
    [InlineData("first_name", "Mary-Ann J.", "first_name_unpunctuated_sha256", "maryannj")]
    [InlineData("city", "Saint-Étienne", "city_ascii_sha256", "sainttienne")]
    [InlineData("state", "Bayern", "state_code_sha256", "ba")]
    [InlineData("state", "British Columbia", "state_code_sha256", "bc")]
    [InlineData("zip", "SW1A 1AA", "zip_spaced_sha256", "sw1a 1aa")]
    [InlineData("zip", "SW1A 1AA", "zip_digits_sha256", "11")]
    [InlineData("zip", "94107-1234", "zip_undashed_sha256", "941071234")]
    public void A_platforms_own_form_is_hashed_beside_it(string key, string text, string name, string form) =>
        Assert.Equal(Sha256(form), Take(new Dictionary<string, object> { [key] = text }).Hashes(name).Single());

    [Fact]
    public void A_form_that_says_nothing_new_is_left_out()
    {
        var taken = Take("""{"email":"jane@example.com","phone":"+14155550123","first_name":"Jane","city":"Berlin","zip":"10115","external_id":"c-1","state":"ny","country":"DE"}""");
        Assert.Equal(
            ["email_sha256", "phone_sha256", "phone_digits_sha256", "external_id_sha256", "first_name_sha256", "city_sha256", "state_sha256", "zip_sha256", "country_sha256"],
            taken.Names);
        Assert.Empty(taken.Warnings);
    }

    [Fact]
    public void Forms_of_several_values_stand_at_the_same_places()
    {
        var taken = Take("""{"email":["jane@example.com","jane.doe@gmail.com"]}""");
        Assert.Equal([Sha256("jane@example.com"), Sha256("jane.doe@gmail.com")], taken.Hashes("email_sha256"));
        Assert.Equal([Sha256("jane@example.com"), Sha256("janedoe@gmail.com")], taken.Hashes("email_undotted_sha256"));
        Assert.Equal(Sha256("jane@example.com"), taken.Email);
    }

    [Fact]
    public void What_is_hashed_already_is_kept_in_lower_case()
    {
        var (one, two) = (Sha256("one@example.com"), Sha256("two@example.com"));
        var taken = Take(new { email_sha256 = new[] { one.ToUpperInvariant(), one }, email = two, phone = Sha256("+14155550123"), last_name_sha256 = Sha256("doe") });
        Assert.Equal([two, one], taken.Hashes("email_sha256"));
        Assert.Equal(two, taken.Email);
        Assert.Equal(["email_sha256", "phone_sha256", "last_name_sha256"], taken.Names);
        Assert.Empty(taken.Warnings);
    }

    [Theory]
    [InlineData("""{"firstName":"Ada","lastName":"Lovelace","birthday":"1815-12-10"}""", "first_name_sha256", "last_name_sha256", "date_of_birth_not_read")]
    [InlineData("""{"firstName":"Ada","last-name":"Lovelace","Date Of Birth":"1915-12-10"}""", "first_name_sha256", "last_name_sha256", "date_of_birth_sha256")]
    [InlineData("""{"address":{"street":"1 Way","city":"Bonn","state":"NW","postalCode":"53111","country":"de"}}""",
        "street_sha256", "city_sha256", "state_sha256", "zip_sha256", "country_sha256")]
    [InlineData("""{"E-Mail":"a@b.example","Phone_Number":"+4915112345678"}""", "email_sha256", "phone_sha256", "phone_digits_sha256")]
    [InlineData("""{"emailSha256":"b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514","externalId":7}""", "email_sha256", "external_id_sha256")]
    public void Names_are_known_in_the_spellings_that_backends_use(string json, params string[] expected)
    {
        var taken = Take(json);
        Assert.Equal(expected, taken.Names.Concat(taken.Warnings));
    }

    [Theory]
    [InlineData("""{"phone":"0151 12345678","country":"DE"}""", "", "+4915112345678")]
    [InlineData("""{"phone":"0151 12345678","address":{"country":"DE"}}""", "US", "+4915112345678")]
    [InlineData("""{"phone":"(415) 555-2671"}""", "us", "+14155552671")]
    [InlineData("""{"phone":14155552671}""", "US", "+14155552671")]
    [InlineData("""{"phone":"0151 12345678"}""", "", null)]
    [InlineData("""{"phone":"+27 00009133"}""", "", null)] // zeros that are gone when it is read again
    [InlineData("""{"phone":"0151 12345678"}""", "US", null)]
    [InlineData("""{"phone":"4155552671"}""", "XX", null)]
    [InlineData("""{"phone":"call me"}""", "US", null)]
    [InlineData("""{"phone":"+1"}""", "US", null)]
    [InlineData("""{"phone":"+999 123 456 789"}""", "US", null)]
    public void A_national_number_is_read_in_its_country_or_not_at_all(string json, string siteCountry, string? number)
    {
        var taken = Take(json, new IdentityOptions { PhoneCountry = siteCountry });
        Assert.Equal(number is null ? [] : [Sha256(number)], taken.Hashes("phone_sha256"));
        Assert.Equal(number is null ? ["phone_not_read"] : [], taken.Warnings);
    }

    [Theory]
    [InlineData("jane")]
    [InlineData("jane@localhost")]
    [InlineData("@example.com")]
    [InlineData("jane@")]
    [InlineData("jane doe@example.com")]
    [InlineData("Jane Doe <jane@example.com>")]
    [InlineData("jane@exam ple.com")]
    [InlineData("jane@-example.com")]
    [InlineData("jane@example..com")]
    [InlineData("ja\u200bne@example.com")]
    [InlineData("jane@example.com,joe@example.com")]
    public void What_is_no_address_is_told_and_not_hashed(string text)
    {
        var taken = Take(new { email = text });
        Assert.Equal(("", "email_not_read"), (taken.Json, taken.Warnings.Single()));
        Assert.Null(taken.Email);
    }

    [Theory]
    [InlineData("[]", "identity_not_read")]
    [InlineData("\"jane@example.com\"", "identity_not_read")]
    [InlineData("""{"email":{"address":"jane@example.com"}}""", "identity_not_read")]
    [InlineData("""{"email":[["jane@example.com"]]}""", "identity_not_read")]
    [InlineData("""{"email_sha256":"abc"}""", "hash_not_read")]
    [InlineData("""{"gender":"yes"}""", "gender_not_read")]
    [InlineData("""{"country":"Absurdistan"}""", "country_not_read")]
    [InlineData("""{"birthday":"01/02/1990"}""", "date_of_birth_not_read")]
    [InlineData("""{"birthday":"1990-02-30"}""", "date_of_birth_not_read")]
    public void What_cannot_be_read_is_told_and_not_kept(string json, string warning)
    {
        var taken = Take(json);
        Assert.Equal(("", warning), (taken.Json, taken.Warnings.Single()));
    }

    [Fact]
    public void Nothing_is_longer_than_its_limit_and_nothing_has_more_than_five_values()
    {
        var taken = Take(new { first_name = new string('x', 257), email = Enumerable.Range(0, 9).Select(i => $"j{i}@example.com") });
        Assert.Equal(5, taken.Hashes("email_sha256").Count);
        Assert.Equal(["identity_too_long", "identity_too_many"], taken.Warnings.Order());
        Assert.Equal(["email_sha256"], taken.Names);
    }

    [Fact]
    public void Empty_texts_say_nothing() => Assert.Equal(("", 0), (Take("""{"email":"","phone":" ","first_name":null,"city":[]}""") is var none ? none.Json : "", none.Warnings.Count));

    [Fact]
    public void Only_hashes_are_kept_unless_the_site_keeps_more()
    {
        const string Person = """{"email":" Jane.Doe@Example.com","phone":"0151 1","first_name":"Jane","last_name_sha256":"b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514","plan":"pro"}""";
        Assert.DoesNotContain("jane", Take(Person).Json, StringComparison.OrdinalIgnoreCase);

        var kept = Take(Person, new IdentityOptions { KeepRaw = true });
        using var raw = JsonDocument.Parse(kept.Json);
        Assert.Equal("""{"email":["Jane.Doe@Example.com"],"phone":["0151 1"],"first_name":["Jane"]}""", raw.RootElement.GetProperty("raw").GetRawText());
    }

    [Theory]
    [InlineData("email", true)]
    [InlineData("E-Mail", true)]
    [InlineData("emailSHA256", true)]
    [InlineData("firstName", true)]
    [InlineData("address", true)]
    [InlineData("name", true)]
    [InlineData("birthday", true)]
    [InlineData("plan", false)]
    [InlineData("emailing", false)]
    [InlineData("", false)]
    [InlineData("an_extraordinarily_long_name_of_a_member_of_something", false)]
    public void It_is_known_which_members_tell_who_somebody_is(string key, bool isIdentity) => Assert.Equal(isIdentity, IdentityNames.IsIdentity(key));

    private static readonly Gen<string> s_text = Gen.OneOf(
        Gen.String[Gen.Char["aZ.+@-_' \u00a0\u0130éß東\u0301x9"], 0, 24],
        Gen.Select(Gen.String[Gen.Char["abZ.+-_é$\u0130"], 1, 20], Gen.String[Gen.Char["abZ.-éÜß"], 1, 20], (local, host) => $"{local}@{host}.com"),
        Gen.String[Gen.Char["0123456789+ ()-"], 0, 20]);

    [Fact]
    public void Reading_what_was_read_changes_nothing() => s_text.Sample(text =>
    {
        foreach (var field in IdentityField.All)
            if (field.Read(text, "DE") is { Length: > 0 } read && field.Name is not ("date_of_birth"))
                Assert.Equal((field.Name, read), (field.Name, field.Read(read, "DE")));
    }, iter: 20_000);

    [Fact]
    public void Case_and_white_space_around_make_no_difference() => s_text.Sample(text =>
    {
        foreach (var field in IdentityField.All.Where(one => one.Name != "external_id"))
            Assert.Equal((field.Name, field.Read(text.Trim(), "DE")), (field.Name, field.Read($"\u2003{text.ToLowerInvariant()}\n", "DE")));
    }, iter: 20_000);

    [Fact]
    public void Whatever_stands_in_an_identity_it_is_read_and_what_is_kept_is_hashes()
    {
        string[] names = [.. IdentityField.All.Select(one => one.Name), "email_sha256", "address", "name", "plan", ""];
        var key = Gen.Int[0, names.Length - 1].Select(i => names[i]);
        var leaf = Gen.OneOf(s_text.Select(text => (object)text), Gen.Int.Select(n => (object)n), Gen.Bool.Select(b => b ? (object)b : null!));
        var value = Gen.OneOf(leaf, leaf.Array[0, 8].Select(list => (object)list), Gen.Dictionary(key, leaf)[0, 5].Select(inner => (object)inner));
        Gen.Dictionary(key, value)[0, 10].Sample(person =>
        {
            var taken = Take((object)person);
            if (taken.Json.Length == 0) return;
            using var kept = JsonDocument.Parse(taken.Json);
            foreach (var member in kept.RootElement.EnumerateObject())
                Assert.All(member.Value.EnumerateArray(), hash => Assert.Matches("^[0-9a-f]{64}$", hash.GetString()));
        }, iter: 5_000);
    }

    private static Taken Take(object person) => Take(JsonSerializer.Serialize(person));

    private static Taken Take(string json, IdentityOptions? options = null)
    {
        var draft = new Draft();
        var warnings = new List<Warning>();
        using var person = JsonDocument.Parse(json);
        Assert.Null(Identities.Take(person.RootElement, draft, options ?? new IdentityOptions(), warnings, out var email));
        var properties = Encoding.UTF8.GetString(draft.Properties.ToJson().Span);
        if (properties.Length == 0) return new("", email, [], [.. warnings.Select(one => one.Code)]);
        using var kept = JsonDocument.Parse(properties);
        var identities = kept.RootElement.EnumerateObject().Single();
        Assert.Equal("$identities", identities.Name);
        return new(identities.Value.GetRawText(), email, [.. identities.Value.EnumerateObject().Select(one => one.Name)], [.. warnings.Select(one => one.Code)]);
    }

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private sealed record Taken(string Json, string? Email, IReadOnlyList<string> Names, IReadOnlyList<string> Warnings)
    {
        public IReadOnlyList<string?> Hashes(string name)
        {
            if (!Names.Contains(name)) return [];
            using var json = JsonDocument.Parse(Json);
            return [.. json.RootElement.GetProperty(name).EnumerateArray().Select(one => one.GetString())];
        }
    }
}
