-- One event, two sides: what is a conversion, and each conversion once with the best of both copies.
-- The meaning of each column stands in docs/schema.md.

create table conversion_names (
  site_id  text not null, -- * for all sites
  name     text not null,
  primary key (site_id, name)
) strict, without rowid;

insert into conversion_names (site_id, name) values
  -- Our own names, those of Google Analytics, of Segment's specifications, and of calls to the ad platforms' tags. Steps on the way
  -- (add_to_cart, initiate_checkout, Checkout Started) are not here, nor names that mean several things (checkout, conversion).
  ('*', 'purchase'), ('*', 'lead'), ('*', 'complete_registration'), ('*', 'start_trial'), ('*', 'subscribe'), ('*', 'contact'), ('*', 'app_install'),
  ('*', 'generate_lead'), ('*', 'sign_up'), ('*', 'signup'),
  ('*', 'Order Completed'), ('*', 'Signed Up'), ('*', 'Application Installed'),
  ('*', 'Purchase'), ('*', 'CompletePayment'), ('*', 'Lead'), ('*', 'SubmitForm'), ('*', 'CompleteRegistration'), ('*', 'SignUp'),
  ('*', 'StartTrial'), ('*', 'Subscribe'), ('*', 'Contact');

create view conversions as
with recursive copies as materialized (
  select
    e.*,
    e.source = 'server'                                                                                as is_server,
    json_extract(e.properties, '$."$identities".phone_sha256[0]')                                      as phone_sha256,
    case when e.client_event_id is null then e.event_id end                                            as alone, -- without an id of its own each event is a conversion
    -- Exact to the microsecond: the date functions round to milliseconds.
    unixepoch(substr(e.received_at, 1, 19)) * 1000000 + cast(substr(e.received_at, 21, 6) as integer)  as micros,
    row_number() over (
      order by e.site_id, e.name, e.client_event_id, case when e.client_event_id is null then e.event_id end, e.received_at, e.event_id) as n
  from events as e
  where exists (select 1 from conversion_names as c where c.name = e.name and c.site_id in ('*', e.site_id))
),
spans as (
  select *, min(micros) over id as first_micros, max(micros) over id as last_micros
  from copies
  window id as (partition by site_id, name, client_event_id, alone)
),
-- Ids that were used for longer than 48 hours: their copies, one after the other; a copy later than that after the first begins another conversion.
reused as materialized (
  select n, site_id, name, client_event_id, micros, row_number() over (order by n) as step
  from spans
  where last_micros - first_micros > 48 * 3600 * 1000000
),
walked (step, n, site_id, name, client_event_id, began) as (
  select step, n, site_id, name, client_event_id, micros from reused where step = 1
  union all
  select r.step, r.n, r.site_id, r.name, r.client_event_id,
    case when r.site_id = w.site_id and r.name = w.name and r.client_event_id = w.client_event_id and r.micros - w.began <= 48 * 3600 * 1000000
         then w.began else r.micros end
  from walked as w
  join reused as r on r.step = w.step + 1
),
-- The copies of a conversion in the order in which they are asked: those of one side first, each side in the order of arrival.
asked as (
  select
    s.*,
    coalesce(w.began, s.first_micros)                            as began,
    s.n + case when s.is_server then 1000000000000 else 0 end    as device_first,
    s.n + case when s.is_server then 0 else 1000000000000 end    as server_first
  from spans as s
  left join walked as w on w.n = s.n
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
  max(event_id) filter (where n = first_answers)                                                as event_id,
  min(received_at)                                                                              as received_at,
  min(occurred_at)                                                                              as occurred_at,
  site_id                                                                                       as site_id,
  max(source) filter (where device_first = device_answers)                                      as source,
  name                                                                                          as name,
  client_event_id                                                                               as client_event_id,
  max(visitor_id) filter (where device_first = coalesce(visitor_answers, device_answers))       as visitor_id,
  max(visitor_kind) filter (where device_first = coalesce(visitor_answers, device_answers))     as visitor_kind,
  max(user_id) filter (where server_first = user_answers)                                       as user_id,
  max(email_sha256) filter (where server_first = email_answers)                                 as email_sha256,
  max(url) filter (where device_first = page_answers)                                           as url,
  max(host) filter (where device_first = page_answers)                                          as host,
  max(path) filter (where device_first = page_answers)                                          as path,
  max(title) filter (where device_first = page_answers)                                         as title,
  max(referrer) filter (where device_first = referrer_answers)                                  as referrer,
  max(referrer_host) filter (where device_first = referrer_answers)                             as referrer_host,
  max(utm_source) filter (where device_first = campaign_answers)                                as utm_source,
  max(utm_medium) filter (where device_first = campaign_answers)                                as utm_medium,
  max(utm_campaign) filter (where device_first = campaign_answers)                              as utm_campaign,
  max(utm_term) filter (where device_first = campaign_answers)                                  as utm_term,
  max(utm_content) filter (where device_first = campaign_answers)                               as utm_content,
  max(click_id_kind) filter (where device_first = click_answers)                                as click_id_kind,
  max(click_id) filter (where device_first = click_answers)                                     as click_id,
  max(value) filter (where server_first = value_answers)                                        as value,
  max(currency) filter (where server_first = value_answers)                                     as currency,
  max(ip) filter (where device_first = ip_answers)                                              as ip,
  max(country) filter (where device_first = country_answers)                                    as country,
  max(user_agent) filter (where device_first = agent_answers)                                   as user_agent,
  max(browser) filter (where device_first = agent_answers)                                      as browser,
  max(os) filter (where device_first = agent_answers)                                           as os,
  max(device) filter (where device_first = agent_answers)                                       as device,
  max(traffic) filter (where device_first = device_answers)                                     as traffic,
  max(traffic_reasons) filter (where device_first = device_answers)                             as traffic_reasons,
  min(consent_storage)                                                                          as consent_storage,
  min(consent_measurement)                                                                      as consent_measurement,
  min(consent_ads)                                                                              as consent_ads,
  max(gpc)                                                                                      as gpc,
  max(properties) filter (where device_first = properties_answers)                              as properties,
  case when max(is_server) = 0 then 'browser' when min(is_server) = 1 then 'server' else 'both' end as sides,
  count(*)                                                                                      as copies,
  max(event_id) filter (where not is_server and device_first = device_answers)                  as browser_event_id,
  max(event_id) filter (where server_first = server_answers)                                    as server_event_id,
  min(received_at) filter (where not is_server)                                                 as browser_received_at,
  min(received_at) filter (where is_server)                                                     as server_received_at,
  max(phone_sha256) filter (where server_first = phone_answers)                                 as phone_sha256,
  max(properties) filter (where server_first = server_properties_answers)                       as server_properties
from answers
group by site_id, name, client_event_id, alone, began;
