-- Whose mails may be measured. One row per subject, the newest decision; the server keeps the same in memory and on its own disk, so
-- that no open waits for this table.
--
-- Citus: small, and asked for as a whole: make it a reference table.

create table mail_decisions (
  site_id     text        not null,
  subject     text        not null check (subject in ('recipient', 'message', 'site')),
  subject_id  text        not null,
  tracking    boolean     not null,
  redirects   boolean     not null,
  decided_at  timestamptz not null,
  decided_by  text        not null,
  changed_at  timestamptz not null,
  primary key (site_id, subject, subject_id)
);

comment on table mail_decisions is 'Whether opens and clicks of a recipient, a message or all mails of a site may be recorded: the newest decision about each.';
comment on column mail_decisions.site_id is 'The site.';
comment on column mail_decisions.subject is 'What the decision is about: recipient, message or site.';
comment on column mail_decisions.subject_id is 'The sender''s id of the recipient or of the message; empty for a site.';
comment on column mail_decisions.tracking is 'Recording is allowed. False for a recipient: withdrawn, also for mails already sent.';
comment on column mail_decisions.redirects is 'Links still lead where they lead; false stops them too.';
comment on column mail_decisions.decided_at is 'When it was decided, UTC. A later decision replaces an earlier one, never the other way round.';
comment on column mail_decisions.decided_by is 'Who decided: recipient (the link in their mail) or operator (the API).';
comment on column mail_decisions.changed_at is 'When the row changed last, UTC; how collectors find what is new.';

create index mail_decisions_changed_at on mail_decisions (changed_at);
