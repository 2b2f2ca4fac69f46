using PixelServer.Mail;
using PixelServer.Store;
using PixelServer.Tests.Support;

namespace PixelServer.Tests.Mail;

public sealed class ProvenDecisionTests
{
    [Fact]
    public async Task What_was_proven_is_remembered_of_so_many_recipients_and_no_more()
    {
        using var folder = new TempFolder();
        using var decisions = new MailDecisions(new MailDecisionFile(folder.File("mail-decisions.jsonl")));
        var proofs = 0;
        var proven = new ProvenDecisions(decisions, _ =>
        {
            Interlocked.Increment(ref proofs);
            return Task.CompletedTask;
        });

        await WithdrawAsync(0);
        await WithdrawAsync(0);
        Assert.Equal(1, proofs);
        await Task.WhenAll(Enumerable.Range(1, ProvenDecisions.MostProven).Select(WithdrawAsync));
        await WithdrawAsync(0);
        Assert.Equal(ProvenDecisions.MostProven + 2, proofs);

        Task WithdrawAsync(int recipient) =>
            proven.DecideAsync(new("shop", MailSubject.Recipient, $"r{recipient}", Tracking: false, Redirects: true, new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.Zero), "recipient"));
    }
}
