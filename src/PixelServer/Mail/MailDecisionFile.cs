using PixelServer.Store;

namespace PixelServer.Mail;

/// <summary>Decisions about mails on our own disk.</summary>
internal sealed class MailDecisionFile(string path) : JsonLines<MailDecision>(
    path, "Withdrawals stand in this file: restore it, or take the line out by hand and replay it from mail_decisions in the store.");
