-- Who is who: what was told together, what the operator took back, and the one definition of a person, which is computed and never stored.
-- The rules are in docs/identity.md, the meaning of each column in docs/schema.md. A test compares the rows of the views with those of PostgreSQL;
-- there they ask for one identifier at a time, which SQLite would answer by computing all of them each time: here all are joined once.

create table identity_edges (
  site_id        text not null,
  from_kind      text not null,
  from_id        text not null,
  to_kind        text not null,
  to_id          text not null,
  source         text not null,
  first_seen_at  text not null, -- the hour, as events.received_at
  last_seen_at   text not null,
  primary key (site_id, from_kind, from_id, to_kind, to_id, source),
  check (from_kind || ' ' || to_kind in ('visitor user', 'visitor email', 'email user', 'user user'))
) strict, without rowid;

create index identity_edges_to on identity_edges (site_id, to_kind, to_id, from_kind, from_id);

create table identity_cuts (
  site_id    text not null,
  from_kind  text not null,
  from_id    text not null,
  to_kind    text not null,
  to_id      text not null,
  reason     text not null,
  cut_at     text not null default (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  primary key (site_id, from_kind, from_id, to_kind, to_id),
  check (from_kind || ' ' || to_kind in ('visitor user', 'visitor email', 'email user', 'user user'))
) strict, without rowid;

create table identity_blocks (
  site_id     text not null,
  kind        text not null check (kind in ('visitor', 'user', 'email')),
  id          text not null,
  reason      text not null default '',
  blocked_at  text not null default (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')),
  primary key (site_id, kind, id)
) strict, without rowid;

create view identity_links as
select e.site_id, e.from_kind, e.from_id, e.to_kind, e.to_id, e.source, e.first_seen_at, e.last_seen_at
from identity_edges as e
where not exists (
    select 1 from identity_cuts as c
    where c.site_id = e.site_id and c.from_kind = e.from_kind and c.from_id = e.from_id and c.to_kind = e.to_kind and c.to_id = e.to_id)
  and not exists (select 1 from identity_blocks as b where b.site_id = e.site_id and b.kind = e.from_kind and b.id = e.from_id)
  and not exists (select 1 from identity_blocks as b where b.site_id = e.site_id and b.kind = e.to_kind and b.id = e.to_id);

create view identity_visitors as
select
  site_id,
  visitor_id,
  case when told > 0 then told else aliased end                as users,
  case when told > 0 then told_user else aliased_user end      as user_id,
  told = 0 and aliased > 0                                     as by_alias,
  emails,
  first_seen_at,
  last_seen_at
from (
  select
    site_id,
    from_id                                                                               as visitor_id,
    count(distinct to_id) filter (where to_kind = 'user' and source <> 'alias')           as told,
    min(to_id) filter (where to_kind = 'user' and source <> 'alias')                      as told_user,
    count(distinct to_id) filter (where to_kind = 'user' and source = 'alias')            as aliased,
    min(to_id) filter (where to_kind = 'user' and source = 'alias')                       as aliased_user,
    count(distinct to_id) filter (where to_kind = 'email')                                as emails,
    min(first_seen_at)                                                                    as first_seen_at,
    max(last_seen_at)                                                                     as last_seen_at
  from identity_links
  where from_kind = 'visitor'
  group by site_id, from_id
) as facts;

create view identity_emails as
select
  facts.site_id,
  facts.email_sha256,
  case
    when facts.users = 1 then 'user:' || facts.user_id
    when facts.users = 0 and through.owners = 1 then 'user:' || through.owner
    else 'email:' || facts.email_sha256
  end                                                                                    as person_id,
  case
    when facts.users = 1 then 'told'
    when facts.users > 1 then 'shared_mailbox'
    when through.owners = 1 then 'through_visitor'
    when through.owners > 1 then 'shared_mailbox'
    else 'no_user'
  end                                                                                    as reason,
  facts.first_seen_at,
  facts.last_seen_at
from (
  select
    site_id,
    email_sha256,
    count(distinct user_id)   as users,
    min(user_id)              as user_id,
    min(first_seen_at)        as first_seen_at,
    max(last_seen_at)         as last_seen_at
  from (
    select site_id, from_id as email_sha256, to_id as user_id, first_seen_at, last_seen_at
    from identity_links
    where from_kind = 'email'
    union all
    select site_id, to_id, null, first_seen_at, last_seen_at
    from identity_links
    where to_kind = 'email'
  ) as told
  group by site_id, email_sha256
) as facts
-- Where nobody told its user: what the visitors say that have one user and no other e-mail, where they agree.
left join (
  select l.site_id, l.to_id as email_sha256, count(distinct v.user_id) as owners, min(v.user_id) as owner
  from identity_links as l
  join identity_visitors as v on v.site_id = l.site_id and v.visitor_id = l.from_id
  where l.from_kind = 'visitor' and l.to_kind = 'email' and v.users = 1 and v.emails = 1
  group by l.site_id, l.to_id
) as through on through.site_id = facts.site_id and through.email_sha256 = facts.email_sha256;

create view identity_persons as
select site_id, 'user' as kind, to_id as id, 'user:' || to_id as person_id, 'told' as reason, min(first_seen_at) as first_seen_at, max(last_seen_at) as last_seen_at
from identity_links
where to_kind = 'user'
group by site_id, to_id
union all
select site_id, 'email', email_sha256, person_id, reason, first_seen_at, last_seen_at
from identity_emails
union all
select
  v.site_id,
  'visitor',
  v.visitor_id,
  case
    when v.users = 1 then 'user:' || v.user_id
    when v.users = 0 and through.owners = 1 then through.owner
    else 'visitor:' || v.visitor_id
  end,
  case
    when v.users = 1 and v.by_alias then 'alias'
    when v.users = 1 then 'told'
    when v.users > 1 then 'shared_device'
    when through.owners = 1 then 'through_email'
    when through.owners > 1 then 'several_emails'
    else 'shared_mailbox'
  end,
  v.first_seen_at,
  v.last_seen_at
from identity_visitors as v
-- Where nobody told its user: whose its e-mails are, where they are one person's. A shared mailbox says nothing.
left join (
  select l.site_id, l.from_id as visitor_id, count(distinct e.person_id) as owners, min(e.person_id) as owner
  from identity_links as l
  join identity_emails as e on e.site_id = l.site_id and e.email_sha256 = l.to_id
  where l.from_kind = 'visitor' and l.to_kind = 'email' and e.reason <> 'shared_mailbox'
  group by l.site_id, l.from_id
) as through on through.site_id = v.site_id and through.visitor_id = v.visitor_id;

create view persons as
select
  site_id,
  person_id,
  min(id) filter (where kind = 'user')                       as user_id,
  json_group_array(id) filter (where kind = 'email')          as email_sha256s,
  json_group_array(id) filter (where kind = 'visitor')        as visitor_ids,
  min(first_seen_at)                                         as first_seen_at,
  max(last_seen_at)                                          as last_seen_at
from identity_persons
group by site_id, person_id;

create view identity_refused as
select l.site_id, l.from_kind, l.from_id, l.to_kind, l.to_id, l.source, 'shared_device' as reason, l.first_seen_at, l.last_seen_at
from identity_links as l
join identity_visitors as v on v.site_id = l.site_id and v.visitor_id = l.from_id
where l.from_kind = 'visitor' and l.to_kind = 'user' and v.users > 1 and v.by_alias = (l.source = 'alias')
union all
select l.site_id, l.from_kind, l.from_id, l.to_kind, l.to_id, l.source, 'visitor_has_a_user', l.first_seen_at, l.last_seen_at
from identity_links as l
join identity_visitors as v on v.site_id = l.site_id and v.visitor_id = l.from_id
where l.from_kind = 'visitor' and l.to_kind = 'user' and l.source = 'alias' and not v.by_alias and (v.users > 1 or v.user_id <> l.to_id)
union all
select l.site_id, l.from_kind, l.from_id, l.to_kind, l.to_id, l.source, 'shared_mailbox', l.first_seen_at, l.last_seen_at
from identity_links as l
join identity_emails as e on e.site_id = l.site_id and e.email_sha256 = l.from_id
where l.from_kind = 'email' and e.reason = 'shared_mailbox'
union all
select l.site_id, l.from_kind, l.from_id, l.to_kind, l.to_id, l.source,
  case
    when e.reason = 'shared_mailbox' then 'shared_mailbox'
    when v.reason = 'shared_device' then 'shared_device'
    when v.reason = 'several_emails' or e.reason = 'no_user' then 'several_emails'
    else 'another_person'
  end,
  l.first_seen_at, l.last_seen_at
from identity_links as l
join identity_persons as v on v.site_id = l.site_id and v.kind = 'visitor' and v.id = l.from_id
join identity_emails as e on e.site_id = l.site_id and e.email_sha256 = l.to_id
where l.from_kind = 'visitor' and l.to_kind = 'email' and v.person_id <> e.person_id
union all
select l.site_id, l.from_kind, l.from_id, l.to_kind, l.to_id, l.source, 'two_users', l.first_seen_at, l.last_seen_at
from identity_links as l
where l.from_kind = 'user' and exists (select 1 from identity_links as u where u.site_id = l.site_id and u.to_kind = 'user' and u.to_id = l.from_id);

create view person_events as
select
  case
    when blocked_user.id is null and not (
        lower(trim(e.user_id, char(32, 9, 10, 11, 12, 13))) in
          ('anonymous', 'guest', 'distinctid', 'distinct_id', 'id', 'not_authenticated', 'email', 'undefined', 'true', 'false')
        or trim(e.user_id, char(32, 9, 10, 11, 12, 13)) in ('[object Object]', 'NaN', 'None', 'none', 'null', '-1')
        or trim(e.user_id, char(32, 9, 10, 11, 12, 13) || '0-') = '')
      then 'user:' || e.user_id
    when e.email_sha256 is not null and blocked_email.id is null and m.reason is not 'shared_mailbox'
      then coalesce(m.person_id, 'email:' || e.email_sha256)
    when v.person_id is not null then v.person_id
    when e.email_sha256 is not null and blocked_email.id is null then 'email:' || e.email_sha256
    when e.visitor_kind <> 'none' then 'visitor:' || e.visitor_id
  end as person_id,
  e.event_id, e.received_at, e.occurred_at, e.site_id, e.source, e.name, e.client_event_id, e.visitor_id, e.visitor_kind,
  e.user_id, e.email_sha256, e.url, e.host, e.path, e.title, e.referrer, e.referrer_host, e.utm_source, e.utm_medium,
  e.utm_campaign, e.utm_term, e.utm_content, e.click_id_kind, e.click_id, e.value, e.currency, e.ip, e.country, e.user_agent,
  e.browser, e.os, e.device, e.traffic, e.traffic_reasons, e.consent_storage, e.consent_measurement, e.consent_ads, e.gpc,
  e.properties
from events as e
left join identity_blocks as blocked_user on blocked_user.site_id = e.site_id and blocked_user.kind = 'user' and blocked_user.id = e.user_id
left join identity_blocks as blocked_email on blocked_email.site_id = e.site_id and blocked_email.kind = 'email' and blocked_email.id = e.email_sha256
left join identity_emails as m on m.site_id = e.site_id and m.email_sha256 = e.email_sha256
left join identity_persons as v
  on v.site_id = e.site_id and v.kind = 'visitor' and v.id = e.visitor_id and e.visitor_kind in ('cookie', 'client') and e.consent_storage;
