-- Whose mails may be measured: the newest decision about each subject. The meaning of each column stands in docs/schema.md.

create table mail_decisions (
  site_id     text    not null,
  subject     text    not null check (subject in ('recipient', 'message', 'site')),
  subject_id  text    not null,
  tracking    integer not null, -- 0 or 1
  redirects   integer not null, -- 0 or 1
  decided_at  text    not null, -- as events.received_at
  decided_by  text    not null,
  changed_at  integer not null, -- counts the changes: no time here
  primary key (site_id, subject, subject_id)
) strict, without rowid;

create index mail_decisions_changed_at on mail_decisions (changed_at);
