-- One event, two sides: what is a conversion, each conversion once with the best of both copies, and how well the copies find each other.
--
-- Citus: make conversion_names a reference table. Copies are found by (site_id, name, client_event_id), which is not the distribution
-- column: the conversions of the stretch that is asked for are brought to the coordinator, and paired there. Not tried yet.

create table conversion_names (
  site_id  text not null,
  name     text not null,
  primary key (site_id, name)
);

comment on table conversion_names is 'Which events are conversions. Yours to change: insert and delete rows, the next query follows.';
comment on column conversion_names.site_id is 'The site; * for all sites.';
comment on column conversion_names.name is 'Name of the event, exactly as events.name has it.';

insert into conversion_names (site_id, name) values
  -- Our own names, those of Google Analytics, of Segment's specifications, and of calls to the ad platforms' tags. Steps on the way
  -- (add_to_cart, initiate_checkout, Checkout Started) are not here, nor names that mean several things (checkout, conversion).
  ('*', 'purchase'), ('*', 'lead'), ('*', 'complete_registration'), ('*', 'start_trial'), ('*', 'subscribe'), ('*', 'contact'), ('*', 'app_install'),
  ('*', 'generate_lead'), ('*', 'sign_up'), ('*', 'signup'),
  ('*', 'Order Completed'), ('*', 'Signed Up'), ('*', 'Application Installed'),
  ('*', 'Purchase'), ('*', 'CompletePayment'), ('*', 'Lead'), ('*', 'SubmitForm'), ('*', 'CompleteRegistration'), ('*', 'SignUp'),
  ('*', 'StartTrial'), ('*', 'Subscribe'), ('*', 'Contact');

create function conversion_began(began timestamptz, received_at timestamptz) returns timestamptz
language sql immutable parallel safe
return case when received_at - began <= interval '48 hours' then began else received_at end;

comment on function conversion_began is 'State of the aggregate conversion_start: a copy later than 48 hours after the first of its conversion begins another.';

create aggregate conversion_start (timestamptz) (sfunc = conversion_began, stype = timestamptz, parallel = safe);

comment on aggregate conversion_start (timestamptz) is 'Over the copies of one id in the order of arrival: when the conversion that the current copy belongs to began.';

-- Bound to its tables when it is made, whatever the search_path of the caller is; in a block of its own because the migrator would else cut it at
-- its semicolons. Written so that PostgreSQL puts it into the query that uses it (language sql, stable, one select): only what is asked for is worked out, and
-- of events only the stretch from 48 hours before to 48 hours after is read.
do $migration$
begin
create function conversions_between(since timestamptz, before timestamptz)
returns table (
  event_id uuid, received_at timestamptz, occurred_at timestamptz, site_id text, source text, name text, client_event_id text,
  visitor_id uuid, visitor_kind text, user_id text, email_sha256 text, url text, host text, path text, title text, referrer text, referrer_host text,
  utm_source text, utm_medium text, utm_campaign text, utm_term text, utm_content text, click_id_kind text, click_id text,
  value numeric, currency text, ip inet, country text, user_agent text, browser text, os text, device text, traffic text, traffic_reasons text[],
  consent_storage boolean, consent_measurement boolean, consent_ads boolean, gpc boolean, properties jsonb,
  sides text, copies bigint, browser_event_id uuid, server_event_id uuid, browser_received_at timestamptz, server_received_at timestamptz,
  phone_sha256 text, server_properties jsonb
)
language sql stable parallel safe
begin atomic
  with copies as (
    select
      e.*,
      e.source = 'server'                                          as is_server,
      e.properties->'$identities'->'phone_sha256'->>0              as phone_sha256,
      case when e.client_event_id is null then e.event_id end      as alone, -- without an id of its own each event is a conversion
      row_number() over arrival                                    as n,
      conversion_start(e.received_at) over arrival                 as began
    from events as e
    where e.received_at >= since - interval '48 hours'
      and e.received_at < before + interval '48 hours'
      and exists (select from conversion_names as c where c.name = e.name and c.site_id in ('*', e.site_id))
    window arrival as (
      partition by e.site_id, e.name, e.client_event_id, case when e.client_event_id is null then e.event_id end
      order by e.received_at, e.event_id
      rows between unbounded preceding and current row
    )
  ),
  -- The copies of a conversion in the order in which they are asked: those of one side first, each side in the order of arrival.
  asked as (
    select
      *,
      n + case when is_server then 1000000000000 else 0 end        as device_first,
      n + case when is_server then 0 else 1000000000000 end        as server_first
    from copies
    where began >= since and began < before
  ),
  -- Which copy answers; what only means something together is taken from one copy.
  answers as (
    select
      *,
      min(n) over conversion                                                                              as first_answers,
      min(device_first) over conversion                                                                   as device_answers,
      min(server_first) filter (where is_server) over conversion                                          as server_answers,
      min(device_first) filter (where visitor_kind <> 'none') over conversion                             as visitor_answers,
      min(device_first) filter (where coalesce(url, title) is not null) over conversion                   as page_answers,
      min(device_first) filter (where referrer is not null) over conversion                               as referrer_answers,
      min(device_first) filter (where coalesce(utm_source, utm_medium, utm_campaign, utm_term, utm_content) is not null) over conversion as campaign_answers,
      min(device_first) filter (where click_id is not null) over conversion                               as click_answers,
      min(device_first) filter (where ip is not null) over conversion                                     as ip_answers,
      min(device_first) filter (where country is not null) over conversion                                as country_answers,
      min(device_first) filter (where coalesce(user_agent, browser, os, device) is not null) over conversion as agent_answers,
      min(device_first) filter (where properties is not null) over conversion                             as properties_answers,
      min(server_first) filter (where user_id is not null) over conversion                                as user_answers,
      min(server_first) filter (where email_sha256 is not null) over conversion                           as email_answers,
      min(server_first) filter (where phone_sha256 is not null) over conversion                           as phone_answers,
      min(server_first) filter (where value is not null) over conversion                                  as value_answers,
      min(server_first) filter (where is_server and properties is not null) over conversion               as server_properties_answers
    from asked
    window conversion as (partition by site_id, name, client_event_id, alone, began)
  )
  select
    (array_agg(event_id) filter (where n = first_answers))[1],
    began,
    min(occurred_at),
    site_id,
    max(source) filter (where device_first = device_answers),
    name,
    client_event_id,
    (array_agg(visitor_id) filter (where device_first = coalesce(visitor_answers, device_answers)))[1],
    max(visitor_kind) filter (where device_first = coalesce(visitor_answers, device_answers)),
    max(user_id) filter (where server_first = user_answers),
    max(email_sha256) filter (where server_first = email_answers),
    max(url) filter (where device_first = page_answers),
    max(host) filter (where device_first = page_answers),
    max(path) filter (where device_first = page_answers),
    max(title) filter (where device_first = page_answers),
    max(referrer) filter (where device_first = referrer_answers),
    max(referrer_host) filter (where device_first = referrer_answers),
    max(utm_source) filter (where device_first = campaign_answers),
    max(utm_medium) filter (where device_first = campaign_answers),
    max(utm_campaign) filter (where device_first = campaign_answers),
    max(utm_term) filter (where device_first = campaign_answers),
    max(utm_content) filter (where device_first = campaign_answers),
    max(click_id_kind) filter (where device_first = click_answers),
    max(click_id) filter (where device_first = click_answers),
    max(value) filter (where server_first = value_answers),
    max(currency) filter (where server_first = value_answers),
    max(ip) filter (where device_first = ip_answers),
    max(country) filter (where device_first = country_answers),
    max(user_agent) filter (where device_first = agent_answers),
    max(browser) filter (where device_first = agent_answers),
    max(os) filter (where device_first = agent_answers),
    max(device) filter (where device_first = agent_answers),
    max(traffic) filter (where device_first = device_answers),
    max(traffic_reasons) filter (where device_first = device_answers),
    bool_and(consent_storage),
    bool_and(consent_measurement),
    bool_and(consent_ads),
    bool_or(gpc),
    (array_agg(properties) filter (where device_first = properties_answers))[1],
    case when not bool_or(is_server) then 'browser' when bool_and(is_server) then 'server' else 'both' end,
    count(*),
    (array_agg(event_id) filter (where not is_server and device_first = device_answers))[1],
    (array_agg(event_id) filter (where server_first = server_answers))[1],
    min(received_at) filter (where not is_server),
    min(received_at) filter (where is_server),
    max(phone_sha256) filter (where server_first = phone_answers),
    (array_agg(properties) filter (where server_first = server_properties_answers))[1]
  from answers
  group by site_id, name, client_event_id, alone, began;
end;
end
$migration$;

comment on function conversions_between is 'The rows of the view conversions that began at or after since and before before. Reads only the events of that stretch and of 48 hours on either side.';

create view conversions as
select * from conversions_between('-infinity', 'infinity');

comment on view conversions is 'Each conversion once, with the best of the browser''s and the server''s copy. Reads all events: for a stretch of time ask conversions_between(since, before).';
comment on column conversions.event_id is 'event_id of the first copy that arrived; stays the same when further copies come.';
comment on column conversions.received_at is 'When the first copy arrived, UTC. It decides the day.';
comment on column conversions.occurred_at is 'The earliest occurred_at of the copies, UTC.';
comment on column conversions.site_id is 'Site, the same in all copies.';
comment on column conversions.source is 'Door of the first copy from the person''s device; server where there is none.';
comment on column conversions.name is 'Event name, the same in all copies.';
comment on column conversions.client_event_id is 'Id that the copies share; null: the event had none and is a conversion of its own.';
comment on column conversions.visitor_id is 'Who, with visitor_kind: of the device''s copy, else of the server''s, where it rests on something.';
comment on column conversions.visitor_kind is 'What visitor_id rests on: cookie, daily, client, none.';
comment on column conversions.user_id is 'The site''s own id of the person: of the server''s copy, else of the device''s.';
comment on column conversions.email_sha256 is 'Hash of the e-mail address: of the server''s copy, else of the device''s.';
comment on column conversions.url is 'Page address, with host, path and title: of the device''s copy, else of the server''s.';
comment on column conversions.host is 'Host of url.';
comment on column conversions.path is 'Path of url.';
comment on column conversions.title is 'Title of the page at url.';
comment on column conversions.referrer is 'Page before, with referrer_host: of the device''s copy, else of the server''s.';
comment on column conversions.referrer_host is 'Host of referrer.';
comment on column conversions.utm_source is 'Campaign tag: source. All five are of one copy: the device''s, else the server''s.';
comment on column conversions.utm_medium is 'Campaign tag: medium.';
comment on column conversions.utm_campaign is 'Campaign tag: campaign.';
comment on column conversions.utm_term is 'Campaign tag: term.';
comment on column conversions.utm_content is 'Campaign tag: content.';
comment on column conversions.click_id_kind is 'Parameter that carried click_id.';
comment on column conversions.click_id is 'Click id, with its kind: of the device''s copy, else of the server''s.';
comment on column conversions.value is 'Amount, with its currency: of the server''s copy, else of the device''s.';
comment on column conversions.currency is 'Currency of value, of the same copy; null where no copy has a value.';
comment on column conversions.ip is 'Address of the person: of the device''s copy, else of the server''s.';
comment on column conversions.country is 'Country: of the device''s copy, else of the server''s.';
comment on column conversions.user_agent is 'User agent of the person, with browser, os and device: of the device''s copy, else of the server''s.';
comment on column conversions.browser is 'Browser family by user_agent.';
comment on column conversions.os is 'Operating system family by user_agent.';
comment on column conversions.device is 'Kind of device by user_agent.';
comment on column conversions.traffic is 'Label of the first copy from the device; of the server''s where there is none. Nothing is left out for it.';
comment on column conversions.traffic_reasons is 'Reasons of that label.';
comment on column conversions.consent_storage is 'All copies say that storing was allowed.';
comment on column conversions.consent_measurement is 'All copies say that measurement was allowed.';
comment on column conversions.consent_ads is 'All copies say that use for advertising was allowed.';
comment on column conversions.gpc is 'At least one copy carried Sec-GPC: 1.';
comment on column conversions.properties is 'Properties of the device''s copy, else of the server''s; those of the server''s copy are in server_properties too.';
comment on column conversions.sides is 'Who told of it: browser (the person''s device), server (source server), both.';
comment on column conversions.copies is 'How many rows of events it is made of.';
comment on column conversions.browser_event_id is 'event_id of the first copy from the device; null where there is none.';
comment on column conversions.server_event_id is 'event_id of the first copy from the server; null where there is none.';
comment on column conversions.browser_received_at is 'When the first copy from the device arrived, UTC.';
comment on column conversions.server_received_at is 'When the first copy from the server arrived, UTC.';
comment on column conversions.phone_sha256 is 'Hash of the telephone number, out of $identities: of the server''s copy, else of the device''s.';
comment on column conversions.server_properties is 'Properties of the first copy from the server that has any.';

do $migration$
begin
create function two_sides(site text, first_day date, last_day date)
returns table (
  day date, site_id text, name text, conversions bigint, browser_only bigint, server_only bigint, both_sides bigint, browser_only_human bigint, copies bigint,
  match_rate numeric, server_matched numeric, browser_matched numeric, median_delay_seconds numeric, browser_missing_event_id bigint,
  with_server bigint, missing_event_id bigint, missing_email bigint, missing_phone bigint, missing_user_id bigint, missing_click_id bigint,
  missing_ip bigint, missing_user_agent bigint
)
language sql stable parallel safe
begin atomic
  with counted as (
    select
      (c.received_at at time zone 'UTC')::date                                             as day,
      c.site_id,
      c.name,
      count(*)                                                                             as conversions,
      count(*) filter (where c.sides = 'browser')                                          as browser_only,
      count(*) filter (where c.sides = 'server')                                           as server_only,
      count(*) filter (where c.sides = 'both')                                             as both_sides,
      count(*) filter (where c.sides = 'browser' and c.traffic = 'human')                  as browser_only_human,
      sum(c.copies)::bigint                                                                as copies,
      percentile_cont(0.5) within group (
        order by (extract(epoch from c.server_received_at - c.browser_received_at) * 1000000)::double precision) as median_delay, -- whole numbers: their mean is exact
      count(*) filter (where c.sides = 'browser' and c.client_event_id is null)            as browser_missing_event_id,
      count(*) filter (where c.sides <> 'browser')                                         as with_server,
      count(*) filter (where c.sides <> 'browser' and c.client_event_id is null)           as missing_event_id,
      count(*) filter (where c.sides <> 'browser' and c.email_sha256 is null)              as missing_email,
      count(*) filter (where c.sides <> 'browser' and c.phone_sha256 is null)              as missing_phone,
      count(*) filter (where c.sides <> 'browser' and c.user_id is null)                   as missing_user_id,
      count(*) filter (where c.sides <> 'browser' and c.click_id is null)                  as missing_click_id,
      count(*) filter (where c.sides <> 'browser' and c.ip is null)                        as missing_ip,
      count(*) filter (where c.sides <> 'browser' and c.user_agent is null)                as missing_user_agent
    from conversions_between(first_day::timestamp at time zone 'UTC', (last_day + 1)::timestamp at time zone 'UTC') as c
    where site is null or c.site_id = site
    group by 1, c.site_id, c.name
  )
  select
    day, site_id, name, conversions, browser_only, server_only, both_sides, browser_only_human, copies,
    round(both_sides::numeric / conversions, 4),
    round(both_sides::numeric / nullif(both_sides + server_only, 0), 4),
    round(both_sides::numeric / nullif(both_sides + browser_only, 0), 4),
    round(median_delay::numeric / 1000000, 3),
    browser_missing_event_id, with_server, missing_event_id, missing_email, missing_phone, missing_user_id, missing_click_id, missing_ip, missing_user_agent
  from counted;
end;
end
$migration$;

comment on function two_sides is 'How the two sides of conversions find each other, per day (UTC), site and event name; site null: all. Reads only the events of those days and of 48 hours on either side.';
