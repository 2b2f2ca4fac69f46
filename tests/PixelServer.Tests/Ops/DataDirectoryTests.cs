using PixelServer.Ops;
using PixelServer.Privacy;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Ops;

/// <summary>Secrets that are made when they are needed for the first time, by whoever comes first.</summary>
public sealed class DataDirectoryTests
{
    [Fact]
    public async Task Whoever_meet_on_a_new_directory_have_the_same_secrets_and_leave_nothing_else_behind()
    {
        using var folder = new TempFolder();
        for (var round = 0; round < 50; round++)
        {
            using var start = new Barrier(4);
            var name = $"subjects{round}";
            var keys = await Task.WhenAll(Enumerable.Range(0, start.ParticipantCount).Select(_ => Task.Factory.StartNew(() =>
            {
                var directory = new DataDirectory(folder.Path);
                start.SignalAndWait();
                return Convert.ToHexString(directory.Key(name, 32));
            }, TaskCreationOptions.LongRunning)));
            Assert.Equal(keys[0], Assert.Single(keys.Distinct()));
            Assert.Equal(keys[0], Convert.ToHexString(new DataDirectory(folder.Path).Key(name, 32)));
        }

        Assert.Equal(50, Directory.GetFiles(folder.File("keys")).Length);
    }

    [Fact]
    public async Task And_sign_receipts_with_the_same_key()
    {
        using var folder = new TempFolder();
        using var start = new Barrier(4);
        var keys = await Task.WhenAll(Enumerable.Range(0, start.ParticipantCount).Select(_ => Task.Factory.StartNew(() =>
        {
            var key = new ReceiptKey(() => new DataDirectory(folder.Path));
            start.SignalAndWait();
            return key.Public;
        }, TaskCreationOptions.LongRunning)));
        Assert.Single(keys.Append(new ReceiptKey(() => new DataDirectory(folder.Path)).Public).Distinct());
    }
}
