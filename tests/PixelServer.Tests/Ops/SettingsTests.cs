using Microsoft.Extensions.Configuration;
using PixelServer.Journal;
using PixelServer.Ops;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

public sealed class SettingsTests
{
    [Theory]
    [InlineData("Pixel:Journal:MaxBytes", "10GiB", "Setting Pixel:Journal:MaxBytes = '10GiB' is not usable; allowed: a whole number.")]
    [InlineData("Pixel:Journal:MaxBytes", "1", "Setting Pixel:Journal:MaxBytes = '1' is not usable; allowed: 4194304 to 1125899906842624.")]
    [InlineData("Pixel:Journal:RetainFor", "-00:00:01", "Setting Pixel:Journal:RetainFor = '-00:00:01' is not usable; allowed: 00:00:00 to 30.00:00:00.")]
    [InlineData("Pixel:Journal:RetainFor", "soon", "Setting Pixel:Journal:RetainFor = 'soon' is not usable; allowed: a time span as days.hours:minutes:seconds, such as 00:15:00.")]
    [InlineData("Pixel:Acknowledge", "Maybe", "Setting Pixel:Acknowledge = 'Maybe' is not usable; allowed: Flushed, Written, Queued.")]
    [InlineData("Pixel:Acknowledge", "7", "Setting Pixel:Acknowledge = '7' is not usable; allowed: Flushed, Written, Queued.")]
    [InlineData("Pixel:Ops:LogFormat", "xml", "Setting Pixel:Ops:LogFormat = 'xml' is not usable; allowed: Text, Json.")]
    [InlineData("Pixel:Ops:ShutdownTimeout", "01:00:00", "Setting Pixel:Ops:ShutdownTimeout = '01:00:00' is not usable; allowed: 00:00:01 to 00:10:00.")]
    [InlineData("Pixel:AdminToken", "hunter2", "Setting Pixel:AdminToken = (hidden) is not usable; allowed: 16 to 256 visible ASCII characters, or nothing to have one made.")]
    [InlineData("Pixel:DataDirectory", "/dev/null/pixel", "Setting Pixel:DataDirectory = '/dev/null/pixel' is not usable; allowed: a directory that the server may write to (")]
    [InlineData("Pixel:Ops:LogLevel", "line\nbreak", "Setting Pixel:Ops:LogLevel = 'line\\u000abreak' is not usable; allowed: Debug, Information, Warning, Error.")]
    public void A_wrong_value_stops_the_start_with_one_line_that_names_key_value_and_what_is_allowed(string key, string value, string line)
    {
        using var folder = new TempFolder();

        var refusal = Assert.Throws<SettingException>(() => Program.Build([$"--Pixel:DataDirectory={folder.Path}", $"--{key}={value}"]));

        Assert.StartsWith(line, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Theory]
    [InlineData("Pixel:Jurnal:MaxBytes", "Pixel:Journal:MaxBytes")]
    [InlineData("Pixel:Journal:MaxByte", "Pixel:Journal:MaxBytes")]
    [InlineData("Pixel:DataDir", "Pixel:DataDirectory")]
    [InlineData("Pixel:Ops:Logformat2", "Pixel:Ops:LogFormat")]
    [InlineData("Pixel:Journal", "Pixel:Journal:MaxBytes")]
    public void A_key_that_is_no_setting_stops_the_start_and_the_nearest_one_is_named(string key, string nearest)
    {
        using var folder = new TempFolder();

        var refusal = Assert.Throws<SettingException>(() => Program.Build([$"--Pixel:DataDirectory={folder.Path}", $"--{key}=5"]));

        Assert.StartsWith($"Setting {key} does not exist; the nearest one is ", refusal.Message, StringComparison.Ordinal);
        if (key != "Pixel:Journal") Assert.EndsWith($" {nearest}.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_are_taken_in_any_case_and_an_empty_section_is_no_mistake()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["pixel:journal:maxbytes"] = "8388608",
            ["Pixel:Ops"] = "",
        }).Build();

        Assert.Equal(8_388_608, Settings.Read<JournalOptions>(configuration, "Pixel:Journal").MaxBytes);
        Settings.RefuseUnknown(configuration);
    }
}
