-- Who is who: what was told together, what the operator took back, and the one definition of a person, which is computed and never stored.
-- The rules are in docs/identity.md. The views are written as those of the embedded store are, and a test compares their rows.
--
-- Citus: every collector writes to identity_edges and person_events joins all three tables with events: make them reference tables.

create table identity_edges (
  site_id        text        not null,
  from_kind      text        not null,
  from_id        text        not null,
  to_kind        text        not null,
  to_id          text        not null,
  source         text        not null,
  first_seen_at  timestamptz not null,
  last_seen_at   timestamptz not null,
  primary key (site_id, from_kind, from_id, to_kind, to_id, source),
  check ((from_kind, to_kind) in (('visitor', 'user'), ('visitor', 'email'), ('email', 'user'), ('user', 'user')))
)
with (fillfactor = 90); -- a pair that is seen again moves its time on: room for that in the page

create index identity_edges_to on identity_edges (site_id, to_kind, to_id, from_kind, from_id);

comment on table identity_edges is 'Identifiers that events named together, one row per pair and door. Written with the events; never edit it by hand: cut or block instead.';
comment on column identity_edges.site_id is 'The site; nothing is ever tied across sites.';
comment on column identity_edges.from_kind is 'What from_id is: visitor, email, or user for the previous id of an alias event.';
comment on column identity_edges.from_id is 'A visitor_id, an email_sha256, or the previous id as it was sent.';
comment on column identity_edges.to_kind is 'What to_id is: user or email.';
comment on column identity_edges.to_id is 'A user_id or an email_sha256.';
comment on column identity_edges.source is 'Door of the events: pixel, beacon, server, app; alias where an alias event said it.';
comment on column identity_edges.first_seen_at is 'Hour in which the first such event was received, UTC.';
comment on column identity_edges.last_seen_at is 'Hour in which the last such event was received, UTC.';

create table identity_cuts (
  site_id    text        not null,
  from_kind  text        not null,
  from_id    text        not null,
  to_kind    text        not null,
  to_id      text        not null,
  reason     text        not null,
  cut_at     timestamptz not null default now(),
  primary key (site_id, from_kind, from_id, to_kind, to_id),
  check ((from_kind, to_kind) in (('visitor', 'user'), ('visitor', 'email'), ('email', 'user'), ('user', 'user')))
);

comment on table identity_cuts is 'Pairs that the operator took apart, also where they are told again. Deleting the row heals the pair; see identity_cut and identity_heal.';
comment on column identity_cuts.site_id is 'The site.';
comment on column identity_cuts.from_kind is 'As in identity_edges.';
comment on column identity_cuts.from_id is 'As in identity_edges.';
comment on column identity_cuts.to_kind is 'As in identity_edges.';
comment on column identity_cuts.to_id is 'As in identity_edges.';
comment on column identity_cuts.reason is 'Why, in the operator''s words.';
comment on column identity_cuts.cut_at is 'When it was cut, UTC.';

create table identity_blocks (
  site_id     text        not null,
  kind        text        not null check (kind in ('visitor', 'user', 'email')),
  id          text        not null,
  reason      text        not null default '',
  blocked_at  timestamptz not null default now(),
  primary key (site_id, kind, id)
);

comment on table identity_blocks is 'Identifiers that the operator says are nobody''s, such as the user id of a kiosk. Counts at once for all events; deleting the row undoes it.';
comment on column identity_blocks.site_id is 'The site.';
comment on column identity_blocks.kind is 'What id is: visitor, user or email.';
comment on column identity_blocks.id is 'The visitor_id, user_id or email_sha256, exactly as in events.';
comment on column identity_blocks.reason is 'Why, in the operator''s words.';
comment on column identity_blocks.blocked_at is 'When it was blocked, UTC.';

-- The same list as in BlockedIds.cs, for the events that carry such an id.
create function identity_is_nobody(user_id text) returns boolean
language sql immutable parallel safe
return lower(btrim(user_id, E' \t\n\v\f\r') collate "C") in
         ('anonymous', 'guest', 'distinctid', 'distinct_id', 'id', 'not_authenticated', 'email', 'undefined', 'true', 'false')
    or btrim(user_id, E' \t\n\v\f\r') in ('[object Object]', 'NaN', 'None', 'none', 'null', '-1')
    or btrim(user_id, E' \t\n\v\f\r0-') = '';

comment on function identity_is_nobody(text) is 'Whether a user id is one that programs send when there is nobody: anonymous, undefined, null, 0, 0000-0000 and the like.';

-- Finds the events of a visitor, a user or an e-mail. A summary of each 32 pages as the one on received_at: full ranges are summed up by
-- autovacuum, so that the writer pays nothing worth a name (bench/results/identity.md).
create index events_identity on events using brin (
  visitor_id uuid_bloom_ops (n_distinct_per_range = 500, false_positive_rate = 0.002),
  user_id text_bloom_ops (n_distinct_per_range = 250, false_positive_rate = 0.002),
  email_sha256 text_bloom_ops (n_distinct_per_range = 100, false_positive_rate = 0.002)
) with (pages_per_range = 32, autosummarize = on);

create view identity_links as
select e.site_id, e.from_kind, e.from_id, e.to_kind, e.to_id, e.source, e.first_seen_at, e.last_seen_at
from identity_edges as e
where not exists (
    select 1 from identity_cuts as c
    where c.site_id = e.site_id and c.from_kind = e.from_kind and c.from_id = e.from_id and c.to_kind = e.to_kind and c.to_id = e.to_id)
  and not exists (select 1 from identity_blocks as b where b.site_id = e.site_id and b.kind = e.from_kind and b.id = e.from_id)
  and not exists (select 1 from identity_blocks as b where b.site_id = e.site_id and b.kind = e.to_kind and b.id = e.to_id);

comment on view identity_links is 'The rows of identity_edges that count: neither cut nor blocked.';
comment on column identity_links.site_id is 'As in identity_edges.';
comment on column identity_links.from_kind is 'As in identity_edges.';
comment on column identity_links.from_id is 'As in identity_edges.';
comment on column identity_links.to_kind is 'As in identity_edges.';
comment on column identity_links.to_id is 'As in identity_edges.';
comment on column identity_links.source is 'As in identity_edges.';
comment on column identity_links.first_seen_at is 'As in identity_edges.';
comment on column identity_links.last_seen_at is 'As in identity_edges.';

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

comment on view identity_visitors is 'Each visitor that was ever named together with a user or an e-mail, and with how many. What follows from it is in identity_persons.';
comment on column identity_visitors.site_id is 'The site.';
comment on column identity_visitors.visitor_id is 'The visitor, as text.';
comment on column identity_visitors.users is 'How many users were told of it; those of alias events count only where there is no other.';
comment on column identity_visitors.user_id is 'The user, where users is 1.';
comment on column identity_visitors.by_alias is 'The users come from alias events.';
comment on column identity_visitors.emails is 'How many e-mails were told of it.';
comment on column identity_visitors.first_seen_at is 'Hour of the first of these events, UTC.';
comment on column identity_visitors.last_seen_at is 'Hour of the last of these events, UTC.';

create view identity_emails as
select
  site_id,
  email_sha256,
  case when users = 1 then 'user:' || user_id when through like 'user:%' then through else 'email:' || email_sha256 end as person_id,
  case
    when users = 1 then 'told'
    when users > 1 then 'shared_mailbox'
    when through like 'user:%' then 'through_visitor'
    else coalesce(through, 'no_user')
  end                                                                                    as reason,
  first_seen_at,
  last_seen_at
from (
  select
    site_id,
    email_sha256,
    count(distinct user_id)   as users,
    min(user_id)              as user_id,
    -- Nobody told its user: what the visitors say that have one user and no other e-mail, where they agree.
    case when count(distinct user_id) = 0 then (
      select case count(distinct owner) when 0 then null when 1 then 'user:' || min(owner) else 'shared_mailbox' end
      from (
        select (select v.user_id from identity_visitors as v
                where v.site_id = l.site_id and v.visitor_id = l.from_id and v.users = 1 and v.emails = 1) as owner
        from identity_links as l
        where l.site_id = told.site_id and l.to_kind = 'email' and l.to_id = told.email_sha256 and l.from_kind = 'visitor'
        offset 0 -- here and below: an answer is used twice and must be asked for once
      ) as owners)
    end                       as through,
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
) as facts;

comment on view identity_emails is 'Each e-mail that was ever named together with a user or a visitor, and whose it is.';
comment on column identity_emails.site_id is 'The site.';
comment on column identity_emails.email_sha256 is 'The e-mail''s hash.';
comment on column identity_emails.person_id is 'The person; the e-mail itself where it has no user or more than one.';
comment on column identity_emails.reason is 'Why: told, through_visitor, no_user, shared_mailbox.';
comment on column identity_emails.first_seen_at is 'Hour of the first of these events, UTC.';
comment on column identity_emails.last_seen_at is 'Hour of the last of these events, UTC.';

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
  site_id,
  'visitor',
  visitor_id,
  case when users = 1 then 'user:' || user_id when through like '%:%' then through else 'visitor:' || visitor_id end,
  case
    when users = 1 and by_alias then 'alias'
    when users = 1 then 'told'
    when users > 1 then 'shared_device'
    when through like '%:%' then 'through_email'
    else through
  end,
  first_seen_at,
  last_seen_at
from (
  select
    site_id, visitor_id, users, user_id, by_alias, first_seen_at, last_seen_at,
    -- Nobody told its user: whose its e-mails are, where they are one person's. A shared mailbox says nothing.
    case when users = 0 then (
      select case count(distinct owner) when 0 then 'shared_mailbox' when 1 then min(owner) else 'several_emails' end
      from (
        select (select case when e.reason <> 'shared_mailbox' then e.person_id end from identity_emails as e
                where e.site_id = l.site_id and e.email_sha256 = l.to_id) as owner
        from identity_links as l
        where l.site_id = v.site_id and l.from_kind = 'visitor' and l.from_id = v.visitor_id and l.to_kind = 'email'
        offset 0
      ) as owners)
    end as through
  from identity_visitors as v
  group by site_id, visitor_id, users, user_id, by_alias, first_seen_at, last_seen_at -- one row each as it is; grouped, it is asked once and can be filtered
) as visitors;

comment on view identity_persons is 'Each identifier with the one person it belongs to. Computed from identity_links: a cut, a block or a new event changes it at once, and in no order.';
comment on column identity_persons.site_id is 'The site.';
comment on column identity_persons.kind is 'What id is: user, email or visitor.';
comment on column identity_persons.id is 'The user_id, email_sha256 or visitor_id.';
comment on column identity_persons.person_id is 'user:, email: or visitor: and the identifier that names the person; unique within a site.';
comment on column identity_persons.reason is 'Why: told, alias, through_email, through_visitor, or why it stands alone: no_user, shared_device, shared_mailbox, several_emails.';
comment on column identity_persons.first_seen_at is 'Hour of the first event that tied it to anything, UTC.';
comment on column identity_persons.last_seen_at is 'Hour of the last event that tied it to anything, UTC.';

create view persons as
select
  site_id,
  person_id,
  min(id) filter (where kind = 'user')                                                            as user_id,
  coalesce(array_agg(id order by id collate "C") filter (where kind = 'email'), '{}')             as email_sha256s,
  coalesce(array_agg(id::uuid order by id collate "C") filter (where kind = 'visitor'), '{}')     as visitor_ids,
  min(first_seen_at)                                                                              as first_seen_at,
  max(last_seen_at)                                                                               as last_seen_at
from identity_persons
group by site_id, person_id;

comment on view persons is 'One row per person of whom more than one identifier is known, or might be. Visitors and users that were never named together with anything are not in it.';
comment on column persons.site_id is 'The site.';
comment on column persons.person_id is 'As in identity_persons.';
comment on column persons.user_id is 'The person''s user_id; null where none is known. Never more than one.';
comment on column persons.email_sha256s is 'The person''s e-mails.';
comment on column persons.visitor_ids is 'The person''s visitors.';
comment on column persons.first_seen_at is 'Hour of the first event that tied the identifiers, UTC; anonymous events may be older.';
comment on column persons.last_seen_at is 'Hour of the last event that tied the identifiers, UTC.';

-- Asked one link at a time: a join of views would be planned by guesses of how many rows they have.
create view identity_refused as
select site_id, from_kind, from_id, to_kind, to_id, source, reason, first_seen_at, last_seen_at
from (
  select
    l.*,
    case
      when l.from_kind = 'user' then
        case when exists (select 1 from identity_links as u where u.site_id = l.site_id and u.to_kind = 'user' and u.to_id = l.from_id) then 'two_users' end
      when l.from_kind = 'email' then
        (select case when e.reason = 'shared_mailbox' then e.reason end from identity_emails as e where e.site_id = l.site_id and e.email_sha256 = l.from_id)
      when l.to_kind = 'user' then (
        select
          case
            when not v.by_alias and l.source = 'alias' then case when v.users > 1 or v.user_id <> l.to_id then 'visitor_has_a_user' end
            when v.users > 1 then 'shared_device'
          end
        from identity_visitors as v
        where v.site_id = l.site_id and v.visitor_id = l.from_id)
      else (
        select
          case
            when v.person_id = e.person_id then null
            when e.reason = 'shared_mailbox' then 'shared_mailbox'
            when v.reason = 'shared_device' then 'shared_device'
            when v.reason = 'several_emails' or e.reason = 'no_user' then 'several_emails'
            else 'another_person'
          end
        from (select p.person_id, p.reason from identity_persons as p where p.site_id = l.site_id and p.kind = 'visitor' and p.id = l.from_id) as v
        cross join (select m.person_id, m.reason from identity_emails as m where m.site_id = l.site_id and m.email_sha256 = l.to_id) as e)
    end as reason
  from identity_links as l
  offset 0
) as links
where reason is not null;

comment on view identity_refused is 'Links that were told and tie nothing, each with the rule that refused it.';
comment on column identity_refused.site_id is 'As in identity_edges.';
comment on column identity_refused.from_kind is 'As in identity_edges.';
comment on column identity_refused.from_id is 'As in identity_edges.';
comment on column identity_refused.to_kind is 'As in identity_edges.';
comment on column identity_refused.to_id is 'As in identity_edges.';
comment on column identity_refused.source is 'As in identity_edges.';
comment on column identity_refused.reason is 'shared_device, shared_mailbox, several_emails, another_person, visitor_has_a_user (alias of a visitor that has one), two_users (alias of a known user).';
comment on column identity_refused.first_seen_at is 'As in identity_edges.';
comment on column identity_refused.last_seen_at is 'As in identity_edges.';

-- For each row that needs it the view asks for one visitor or one e-mail: PostgreSQL remembers the answers it has, and a question for a few
-- events costs little.
create view person_events as
select
  case
    when blocked_user.id is null and not identity_is_nobody(e.user_id) then 'user:' || e.user_id
    when e.email_sha256 is not null and blocked_email.id is null and m.reason is distinct from 'shared_mailbox'
      then coalesce(m.person_id, 'email:' || e.email_sha256)
    when v.person_id is not null then v.person_id
    when e.email_sha256 is not null and blocked_email.id is null then 'email:' || e.email_sha256
    when e.visitor_kind <> 'none' then 'visitor:' || e.visitor_id
  end as person_id,
  e.*
from events as e
left join identity_blocks as blocked_user on blocked_user.site_id = e.site_id and blocked_user.kind = 'user' and blocked_user.id = e.user_id
left join identity_blocks as blocked_email on blocked_email.site_id = e.site_id and blocked_email.kind = 'email' and blocked_email.id = e.email_sha256
left join lateral (
  select p.person_id, p.reason
  from identity_emails as p
  where p.site_id = e.site_id and p.email_sha256 = e.email_sha256 and e.email_sha256 is not null
  limit 1
) as m on true
left join lateral (
  select p.person_id
  from identity_persons as p
  where p.site_id = e.site_id and p.kind = 'visitor' and p.id = e.visitor_id::text and e.visitor_kind in ('cookie', 'client') and e.consent_storage
  limit 1
) as v on true;

comment on view person_events is 'Every event with the person it belongs to, so that what happened before the login is found under the person who logged in. Name a stretch of received_at.';
comment on column person_events.person_id is 'user:, email: or visitor: and the identifier that names the person; null where nobody can be told from anybody (visitor_kind none).';
comment on column person_events.event_id is 'As in events.';
comment on column person_events.received_at is 'As in events.';
comment on column person_events.occurred_at is 'As in events.';
comment on column person_events.site_id is 'As in events.';
comment on column person_events.source is 'As in events.';
comment on column person_events.name is 'As in events.';
comment on column person_events.client_event_id is 'As in events.';
comment on column person_events.visitor_id is 'As in events.';
comment on column person_events.visitor_kind is 'As in events.';
comment on column person_events.user_id is 'As in events.';
comment on column person_events.email_sha256 is 'As in events.';
comment on column person_events.url is 'As in events.';
comment on column person_events.host is 'As in events.';
comment on column person_events.path is 'As in events.';
comment on column person_events.title is 'As in events.';
comment on column person_events.referrer is 'As in events.';
comment on column person_events.referrer_host is 'As in events.';
comment on column person_events.utm_source is 'As in events.';
comment on column person_events.utm_medium is 'As in events.';
comment on column person_events.utm_campaign is 'As in events.';
comment on column person_events.utm_term is 'As in events.';
comment on column person_events.utm_content is 'As in events.';
comment on column person_events.click_id_kind is 'As in events.';
comment on column person_events.click_id is 'As in events.';
comment on column person_events.value is 'As in events.';
comment on column person_events.currency is 'As in events.';
comment on column person_events.ip is 'As in events.';
comment on column person_events.country is 'As in events.';
comment on column person_events.user_agent is 'As in events.';
comment on column person_events.browser is 'As in events.';
comment on column person_events.os is 'As in events.';
comment on column person_events.device is 'As in events.';
comment on column person_events.traffic is 'As in events.';
comment on column person_events.traffic_reasons is 'As in events.';
comment on column person_events.consent_storage is 'As in events.';
comment on column person_events.consent_measurement is 'As in events.';
comment on column person_events.consent_ads is 'As in events.';
comment on column person_events.gpc is 'As in events.';
comment on column person_events.properties is 'As in events.';

-- The functions are bound to these tables when they are made, whatever the search_path of the caller is; they can do what the caller can.
-- They ask small questions of large plans, which would take longer to compile than to answer. Each stands in a block of its own because the migrator would else cut it at its semicolons.
do $migration$
begin
create function identity_members(site text, person text)
returns table (kind text, id text, reason text, first_seen_at timestamptz, last_seen_at timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
begin atomic
  -- Whatever might be this person's, two steps around it; identity_persons then says what is.
  with near_visitors as (
    select l.from_id as id
    from identity_links as l
    where l.site_id = $1 and l.to_kind = 'user' and l.to_id = substr($2, 6) and l.from_kind = 'visitor' and $2 like 'user:%'
  ),
  emails as materialized (
    select l.from_id as id
    from identity_links as l
    where l.site_id = $1 and l.to_kind = 'user' and l.to_id = substr($2, 6) and l.from_kind = 'email' and $2 like 'user:%'
    union
    select l.to_id
    from near_visitors as n
    join identity_links as l on l.site_id = $1 and l.from_kind = 'visitor' and l.from_id = n.id and l.to_kind = 'email'
    union
    select substr($2, 7) where $2 like 'email:%'
  ),
  candidates as materialized (
    select 'visitor' as kind, n.id from near_visitors as n
    union
    select 'visitor', l.from_id
    from emails as m
    join identity_links as l on l.site_id = $1 and l.to_kind = 'email' and l.to_id = m.id and l.from_kind = 'visitor'
    union
    select 'visitor', substr($2, 9) where $2 like 'visitor:%'
    union
    select 'email', m.id from emails as m
    union
    select 'user', substr($2, 6) where $2 like 'user:%'
  )
  select c.kind, c.id, p.reason, p.first_seen_at, p.last_seen_at
  from candidates as c
  cross join lateral (
    select q.person_id, q.reason, q.first_seen_at, q.last_seen_at
    from identity_persons as q
    where q.site_id = $1 and q.kind = c.kind and q.id = c.id
    limit 1
  ) as p
  where p.person_id = $2;
end;
end
$migration$;

comment on function identity_members(text, text) is 'The identifiers of a person of a site, by person_id, each with the reason; the rows of identity_persons, found by index.';

do $migration$
begin
create function identity_person_of(site text, identifier text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
begin atomic
  select case
    when $2 ~ '^(user|email|visitor):' then $2
    else coalesce(
      (select p.person_id from identity_persons as p where p.site_id = $1 and p.kind = 'user' and p.id = $2 limit 1),
      (select p.person_id from identity_persons as p where p.site_id = $1 and p.kind = 'visitor' and p.id = lower($2) limit 1),
      (select p.person_id from identity_persons as p where p.site_id = $1 and p.kind = 'email' and p.id = lower($2) limit 1),
      -- Never named together with anything: by its looks, and a UUID is a user's where events say so.
      case
        when $2 ~ '^[0-9a-fA-F]{64}$' then 'email:' || lower($2)
        when $2 ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' and not exists (select 1 from events as e where e.site_id = $1 and e.user_id = $2)
          then 'visitor:' || lower($2)
        else 'user:' || $2
      end)
  end;
end;
end
$migration$;

comment on function identity_person_of(text, text) is 'The person_id behind an identifier of a site: a user_id, a visitor_id or an email_sha256, in this order; a person_id is taken as it is.';

do $migration$
begin
create function person_of_visitor(site text, visitor uuid)
returns table (person_id text, reason text, user_id text, email_sha256s text[], visitor_ids uuid[], first_seen_at timestamptz, last_seen_at timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
begin atomic
  with me as materialized (
    select coalesce(p.person_id, 'visitor:' || $2) as person_id, coalesce(p.reason, 'anonymous') as reason
    from (select 1) as one
    left join lateral (select q.person_id, q.reason from identity_persons as q where q.site_id = $1 and q.kind = 'visitor' and q.id = $2::text limit 1) as p on true
  )
  select
    me.person_id,
    me.reason,
    case when me.person_id like 'user:%' then substr(me.person_id, 6) end,
    coalesce(array_agg(m.id order by m.id collate "C") filter (where m.kind = 'email'), '{}'),
    coalesce(array_agg(m.id::uuid order by m.id collate "C") filter (where m.kind = 'visitor'), array[$2]),
    min(m.first_seen_at),
    max(m.last_seen_at)
  from me
  left join lateral identity_members($1, me.person_id) as m on true
  group by me.person_id, me.reason;
end;
end
$migration$;

comment on function person_of_visitor(text, uuid) is 'The person behind a visitor of a site: one row, with everything known of them and why the visitor is theirs; anonymous where nothing was ever told.';

-- The planner does not know how few rows a Bloom filter lets through: it would read every event from end to end, or the whole stretch of time.
-- So sequential scans are off, and the time is looked at last.
do $migration$
begin
create function everything_of_person(site text, identifier text, from_at timestamptz default '-infinity', until_at timestamptz default 'infinity')
returns setof person_events
language sql stable
set search_path = pg_catalog, pg_temp
set jit = off
set enable_seqscan = off
begin atomic
  with person as materialized (select identity_person_of($1, $2) as person_id),
  members as materialized (select m.kind, m.id from person as p cross join lateral identity_members($1, p.person_id) as m
                           union select split_part(p.person_id, ':', 1), substr(p.person_id, strpos(p.person_id, ':') + 1) from person as p)
  select found.*
  from (
    select e.*
    from person_events as e
    where e.site_id = $1
      and (e.user_id = any (array(select m.id from members as m where m.kind = 'user'))
        or e.email_sha256 = any (array(select m.id from members as m where m.kind = 'email'))
        or e.visitor_id = any (array(select case when m.kind = 'visitor' and m.id ~ '^[0-9a-f-]{36}$' then m.id::uuid end from members as m)))
      and e.person_id = (select p.person_id from person as p)
    offset 0
  ) as found
  where found.received_at >= $3 and found.received_at < $4
  order by found.received_at desc, found.event_id desc;
end;
end
$migration$;

comment on function everything_of_person(text, text, timestamptz, timestamptz) is
  'All events of the person behind a user_id, visitor_id or email_sha256 of a site, newest first; the times are of received_at, from (included) until (not included).';

do $migration$
begin
create function identity_cut(site text, one_kind text, one_id text, other_kind text, other_id text, reason text) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
begin atomic
  insert into identity_cuts (site_id, from_kind, from_id, to_kind, to_id, reason)
  select $1, p.from_kind, p.from_id, p.to_kind, p.to_id, $6
  from (values ($2, $3, $4, $5), ($4, $5, $2, $3)) as p (from_kind, from_id, to_kind, to_id)
  where (p.from_kind, p.to_kind) in (('visitor', 'user'), ('visitor', 'email'), ('email', 'user')) or ($2, $4) = ('user', 'user')
  on conflict do nothing;

  select count(*)
  from identity_edges as e
  where e.site_id = $1 and (e.from_kind, e.from_id, e.to_kind, e.to_id) in (($2, $3, $4, $5), ($4, $5, $2, $3));
end;
end
$migration$;

comment on function identity_cut(text, text, text, text, text, text) is
  'Takes two identifiers of a site apart, in either order, also where they are told together again; gives the number of edges it covers: 0 means that they never were.';

do $migration$
begin
create function identity_heal(site text, one_kind text, one_id text, other_kind text, other_id text) returns bigint
language sql volatile
set search_path = pg_catalog, pg_temp
begin atomic
  delete from identity_cuts as c
  where c.site_id = $1 and (c.from_kind, c.from_id, c.to_kind, c.to_id) in (($2, $3, $4, $5), ($4, $5, $2, $3));

  select count(*)
  from identity_edges as e
  where e.site_id = $1 and (e.from_kind, e.from_id, e.to_kind, e.to_id) in (($2, $3, $4, $5), ($4, $5, $2, $3));
end;
end
$migration$;

comment on function identity_heal(text, text, text, text, text) is
  'Undoes identity_cut: everything is as if it had never been cut; gives the number of edges that count again.';
