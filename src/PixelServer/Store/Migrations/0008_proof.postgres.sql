-- What was decided and how that can be shown, who opted out, and what was turned away at the doors. docs/proof.md explains it.
--
-- Citus: every collector writes to these and questions join them with the identity tables: make them reference tables.

create table consent_texts (
  text_hash  text        not null primary key,
  text       text        not null,
  first_at   timestamptz not null
);

comment on table consent_texts is 'The words that people agreed to, each once.';
comment on column consent_texts.text_hash is 'SHA-256 of the text in UTF-8, lower-case hex.';
comment on column consent_texts.text is 'The words as they were shown.';
comment on column consent_texts.first_at is 'When it came with a record for the first time, UTC.';

create table consent_records (
  chain           uuid        not null,
  seq             bigint      not null,
  record_id       text        not null,
  site_id         text        not null,
  person          text        not null,
  purpose         text        not null,
  decision        text        not null check (decision in ('granted', 'denied', 'withdrawn')),
  at              timestamptz not null,
  recorded_at     timestamptz not null,
  method          text        not null,
  text_id         text,
  text_hash       text,
  locale          text,
  policy_version  text,
  cmp_id          text,
  cmp_version     text,
  actor           text        not null,
  expires_at      timestamptz,
  prev_hash       text        not null,
  hash            text        not null,
  salt            text,
  subject_kind    text,
  subject_id      text,
  signal          text,
  page            text,
  ip              text,
  user_agent      text,
  primary key (chain, seq)
);

comment on table consent_records is 'Proof of decisions: one row per decision and purpose, appended and never changed, each holding the hash of the one before it.';
comment on column consent_records.chain is 'The chain that the row is a link of: one per collector.';
comment on column consent_records.seq is 'Place in the chain, from 1.';
comment on column consent_records.record_id is 'Who sent it chose this id, or the server did. Sending the same id again changes nothing.';
comment on column consent_records.site_id is 'The site.';
comment on column consent_records.person is 'SHA-256 over the salt and the columns behind it: binds them to the chain without telling them once they are erased.';
comment on column consent_records.purpose is 'What was decided about: storage, measurement, ads, email, or a name of the operator''s.';
comment on column consent_records.decision is 'granted, denied or withdrawn.';
comment on column consent_records.at is 'When the person decided, UTC, milliseconds. The latest holds, whatever the order of the rows; of two at once the no.';
comment on column consent_records.recorded_at is 'When the server was told, UTC, milliseconds.';
comment on column consent_records.method is 'How: banner, form, api, footer_link, one_click, gpc, import or another word.';
comment on column consent_records.text_id is 'The operator''s name of the text that was shown.';
comment on column consent_records.text_hash is 'The text that was shown, in consent_texts where the server was given it.';
comment on column consent_records.locale is 'Language of the text, such as de-DE.';
comment on column consent_records.policy_version is 'Version of the policy that held.';
comment on column consent_records.cmp_id is 'Id of the consent platform.';
comment on column consent_records.cmp_version is 'Version of the consent platform.';
comment on column consent_records.actor is 'Who told the server: person, operator or import.';
comment on column consent_records.expires_at is 'From when on a yes is worth nothing, UTC; null: it does not expire.';
comment on column consent_records.prev_hash is 'hash of the row before it in the chain; 64 zeros for the first.';
comment on column consent_records.hash is 'SHA-256 over prev_hash and the columns before this one; docs/proof.md has the bytes.';
comment on column consent_records.salt is 'Random, 64 hex digits; null: this and the columns behind it were erased.';
comment on column consent_records.subject_kind is 'Whose decision: visitor, user, email_sha256 or recipient; null where erased.';
comment on column consent_records.subject_id is 'Their id of that kind; null where erased.';
comment on column consent_records.signal is 'Consent strings that came with it, as a JSON object; null where none came, or erased.';
comment on column consent_records.page is 'Where it was asked, without a query; null where not told, or erased.';
comment on column consent_records.ip is 'Address as the site''s IP policy leaves it; null where not told, or erased.';
comment on column consent_records.user_agent is 'Browser and system by their families; null where not told, or erased.';

create unique index consent_records_record_id on consent_records (site_id, record_id);
create index consent_records_subject on consent_records (site_id, subject_kind, subject_id, purpose, at);
create index consent_records_expires_at on consent_records (expires_at, chain, seq) where expires_at is not null;

create function consent_records_keep() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (old.chain, old.seq, old.record_id, old.site_id, old.person, old.purpose, old.decision, old.at, old.recorded_at, old.method, old.text_id,
        old.text_hash, old.locale, old.policy_version, old.cmp_id, old.cmp_version, old.actor, old.expires_at, old.prev_hash, old.hash)
       is not distinct from
       (new.chain, new.seq, new.record_id, new.site_id, new.person, new.purpose, new.decision, new.at, new.recorded_at, new.method, new.text_id,
        new.text_hash, new.locale, new.policy_version, new.cmp_id, new.cmp_version, new.actor, new.expires_at, new.prev_hash, new.hash)
       and (new.salt, new.subject_kind, new.subject_id, new.signal, new.page, new.ip, new.user_agent) is null then
      return new;
    end if;
  end if;
  raise exception 'consent_records is append-only: a row may lose whose it is (salt and all columns behind it), and nothing else'
    using errcode = 'restrict_violation';
end
$$;

comment on function consent_records_keep() is 'Refuses every change of consent_records but an erasure.';

create trigger consent_records_rows before update or delete on consent_records for each row execute function consent_records_keep();
create trigger consent_records_all before truncate on consent_records for each statement execute function consent_records_keep();

create function consent_texts_keep() returns trigger language plpgsql as $$
begin
  raise exception 'consent_texts is append-only' using errcode = 'restrict_violation';
end
$$;

comment on function consent_texts_keep() is 'Refuses every change of consent_texts.';

create trigger consent_texts_rows before update or delete on consent_texts for each row execute function consent_texts_keep();
create trigger consent_texts_all before truncate on consent_texts for each statement execute function consent_texts_keep();

create view consents as
select distinct on (site_id, subject_kind, subject_id, purpose)
  site_id, subject_kind, subject_id, purpose, decision, at, expires_at, record_id, recorded_at, method, text_id, text_hash
from consent_records
where subject_id is not null
order by site_id, subject_kind, subject_id, purpose, at desc, decision = 'granted', recorded_at desc, record_id;

comment on view consents is 'What holds: the latest decision of each subject about each purpose. A yes whose expires_at has passed holds no more.';
comment on column consents.site_id is 'The site.';
comment on column consents.subject_kind is 'visitor, user, email_sha256 or recipient.';
comment on column consents.subject_id is 'The id of that kind.';
comment on column consents.purpose is 'What was decided about.';
comment on column consents.decision is 'granted, denied or withdrawn.';
comment on column consents.at is 'When it was decided, UTC.';
comment on column consents.expires_at is 'From when on a yes is worth nothing.';
comment on column consents.record_id is 'The record that proves it.';
comment on column consents.recorded_at is 'When the server was told, UTC.';
comment on column consents.method is 'How it was decided.';
comment on column consents.text_id is 'The operator''s name of the text that was shown.';
comment on column consents.text_hash is 'The text that was shown.';

create table opt_outs (
  site_id   text        not null,
  kind      text        not null check (kind in ('visitor', 'user', 'email')),
  id        text        not null,
  source    text        not null,
  first_at  timestamptz not null,
  last_at   timestamptz not null,
  primary key (site_id, kind, id, source)
);

comment on table opt_outs is 'Who opted out of sale and sharing by a signal: the identifiers that the event with the signal named. Stays when the signal is gone.';
comment on column opt_outs.site_id is 'The site.';
comment on column opt_outs.kind is 'visitor, user or email, as in identity_edges.';
comment on column opt_outs.id is 'The identifier.';
comment on column opt_outs.source is 'The signal: gpc, consent_string (us_privacy, GPP), or device (the device kept an earlier one).';
comment on column opt_outs.first_at is 'When the signal arrived for the first time, UTC.';
comment on column opt_outs.last_at is 'When the signal arrived last, UTC. A recorded consent to ads after this moment lifts it.';

create view opted_out as
with told as (
  select site_id, kind, id, max(last_at) as last_at, min(source) as source
  from opt_outs
  group by site_id, kind, id
),
-- A device's opt-out is that of everybody who was named with it, also where several use it.
reached as (
  select site_id, kind, id, last_at, source from told
  union all
  select t.site_id, l.to_kind, l.to_id, t.last_at, t.source
  from told as t
  join identity_links as l on l.site_id = t.site_id and l.from_kind = 'visitor' and l.from_id = t.id
  where t.kind = 'visitor'
),
persons_out as (
  select r.site_id, coalesce(p.person_id, r.kind || ':' || r.id) as person_id, max(r.last_at) as opted_out_at, min(r.source) as source
  from reached as r
  left join identity_persons as p on p.site_id = r.site_id and p.kind = r.kind and p.id = r.id
  group by r.site_id, coalesce(p.person_id, r.kind || ':' || r.id)
),
-- A yes that is over is a no, as at the doors.
said as (
  select c.site_id, coalesce(p.person_id, replace(c.subject_kind, 'email_sha256', 'email') || ':' || c.subject_id) as person_id,
    case when c.decision = 'granted' and c.expires_at <= now() then 'withdrawn' else c.decision end as decision, c.at
  from consents as c
  left join identity_persons as p
    on p.site_id = c.site_id and p.kind = replace(c.subject_kind, 'email_sha256', 'email') and p.id = c.subject_id
  where c.purpose = 'ads' and c.subject_kind <> 'recipient'
),
lasting as (
  select o.site_id, o.person_id, o.opted_out_at, o.source
  from persons_out as o
  where not exists (
    select 1 from said as s
    where s.site_id = o.site_id and s.person_id = o.person_id and s.decision = 'granted' and s.at > o.opted_out_at
      and not exists (
        select 1 from said as n
        where n.site_id = s.site_id and n.person_id = s.person_id and n.decision <> 'granted' and n.at >= s.at))
)
select o.site_id, o.person_id, i.kind, i.id, o.opted_out_at, o.source
from lasting as o
join (
  select site_id, person_id, kind, id from identity_persons
  union
  select r.site_id, r.kind || ':' || r.id, r.kind, r.id
  from reached as r
  where not exists (select 1 from identity_persons as p where p.site_id = r.site_id and p.kind = r.kind and p.id = r.id)
) as i on i.site_id = o.site_id and i.person_id = o.person_id;

comment on view opted_out is 'Whose data may not be sold or shared: every identifier of every person whom an opt-out reaches, through any of their devices, until a later recorded consent to ads.';
comment on column opted_out.site_id is 'The site.';
comment on column opted_out.person_id is 'The person, as in person_events.';
comment on column opted_out.kind is 'Kind of the identifier: visitor, user or email.';
comment on column opted_out.id is 'The identifier.';
comment on column opted_out.opted_out_at is 'The last signal that reached the person, UTC.';
comment on column opted_out.source is 'The signal; where there were several, the first by alphabet.';

create table refusals (
  day         date   not null,
  site_id     text   not null,
  code        text   not null,
  run         uuid   not null,
  count       bigint not null,
  primary key (day, site_id, code, run)
);

comment on table refusals is 'Events that were turned away at the doors. Each run of a collector keeps a sum of its own here: add them up.';
comment on column refusals.day is 'UTC.';
comment on column refusals.site_id is 'The site that the event named; (other) where it is not configured, or where a collector met too many.';
comment on column refusals.code is 'The reason, as in docs/collect.md.';
comment on column refusals.run is 'The run of the collector that counted: a new one with each start.';
comment on column refusals.count is 'Events, as that run has counted them.';
