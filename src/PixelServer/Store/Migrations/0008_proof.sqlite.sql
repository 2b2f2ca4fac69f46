-- What was decided and how that can be shown, who opted out, and what was turned away at the doors. The meaning of each column stands in
-- docs/schema.md; times are written as events.received_at.

create table consent_texts (
  text_hash  text    not null primary key,
  text       text    not null,
  first_at   text    not null
) strict;

create table consent_records (
  chain           text    not null,
  seq             integer not null,
  record_id       text    not null,
  site_id         text    not null,
  person          text    not null,
  purpose         text    not null,
  decision        text    not null check (decision in ('granted', 'denied', 'withdrawn')),
  at              text    not null,
  recorded_at     text    not null,
  method          text    not null,
  text_id         text,
  text_hash       text,
  locale          text,
  policy_version  text,
  cmp_id          text,
  cmp_version     text,
  actor           text    not null,
  expires_at      text,
  prev_hash       text    not null,
  hash            text    not null,
  salt            text,
  subject_kind    text,
  subject_id      text,
  signal          text,
  page            text,
  ip              text,
  user_agent      text,
  primary key (chain, seq)
) strict;

create unique index consent_records_record_id on consent_records (site_id, record_id);
create index consent_records_subject on consent_records (site_id, subject_kind, subject_id, purpose, at);
create index consent_records_expires_at on consent_records (expires_at, chain, seq) where expires_at is not null;

create trigger consent_records_rows before update on consent_records
when not (
  old.chain is new.chain and old.seq is new.seq and old.record_id is new.record_id and old.site_id is new.site_id
  and old.person is new.person and old.purpose is new.purpose and old.decision is new.decision and old.at is new.at
  and old.recorded_at is new.recorded_at and old.method is new.method and old.text_id is new.text_id and old.text_hash is new.text_hash
  and old.locale is new.locale and old.policy_version is new.policy_version and old.cmp_id is new.cmp_id and old.cmp_version is new.cmp_version
  and old.actor is new.actor and old.expires_at is new.expires_at and old.prev_hash is new.prev_hash and old.hash is new.hash
  and new.salt is null and new.subject_kind is null and new.subject_id is null and new.signal is null and new.page is null and new.ip is null and new.user_agent is null)
begin
  select raise(abort, 'consent_records is append-only: a row may lose whose it is (salt and all columns behind it), and nothing else');
end;

create trigger consent_records_all before delete on consent_records
begin
  select raise(abort, 'consent_records is append-only: a row may lose whose it is (salt and all columns behind it), and nothing else');
end;

create trigger consent_texts_rows before update on consent_texts
begin
  select raise(abort, 'consent_texts is append-only');
end;

create trigger consent_texts_all before delete on consent_texts
begin
  select raise(abort, 'consent_texts is append-only');
end;

create view consents as
select site_id, subject_kind, subject_id, purpose, decision, at, expires_at, record_id, recorded_at, method, text_id, text_hash
from (
  select *, row_number() over (
    partition by site_id, subject_kind, subject_id, purpose order by at desc, decision = 'granted', recorded_at desc, record_id) as place
  from consent_records
  where subject_id is not null
)
where place = 1;

create table opt_outs (
  site_id   text    not null,
  kind      text    not null check (kind in ('visitor', 'user', 'email')),
  id        text    not null,
  source    text    not null,
  first_at  text    not null,
  last_at   text    not null,
  primary key (site_id, kind, id, source)
) strict, without rowid;

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
    case when c.decision = 'granted' and c.expires_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') then 'withdrawn' else c.decision end as decision, c.at
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

create table refusals (
  day         text    not null,
  site_id     text    not null,
  code        text    not null,
  run         text    not null,
  count       integer not null,
  primary key (day, site_id, code, run)
) strict, without rowid;

