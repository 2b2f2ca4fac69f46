-- Mail: an index for the rules that look across the hits of one mail, and the view that counts opens once.
-- The meaning of each column stands in docs/schema.md.

-- Holds mail events only, so that it costs other events nothing: the stretch of time that is judged again is found without reading them.
create index events_mail on events (received_at) where source in ('email', 'click');

create view email_opens as
with hits as (
  select
    site_id,
    properties->>'message_id'                                     as message_id,
    user_id                                                       as recipient_id,
    properties->>'campaign'                                       as campaign,
    received_at,
    -- Exact to the microsecond: the date functions round to milliseconds.
    unixepoch(substr(received_at, 1, 19)) * 1000000 + cast(substr(received_at, 21, 6) as integer) as micros,
    source,
    source = 'email' and traffic in ('human', 'proxy_open')       as person_opened,
    source = 'click' and traffic in ('human', 'proxy_open')       as person_clicked
  from events
  where source in ('email', 'click') and user_id is not null and properties->>'message_id' is not null
),
steps as (
  select
    *,
    lag(micros) over (partition by site_id, message_id, recipient_id, person_opened order by received_at) as before
  from hits
)
select
  site_id,
  message_id,
  recipient_id,
  max(campaign)                                                                                   as campaign,
  min(received_at) filter (where person_opened)                                                   as first_open_at,
  max(received_at) filter (where person_opened)                                                   as last_open_at,
  count(*) filter (where person_opened and (before is null or micros - before >= 30 * 60 * 1000000)) as opens,
  count(*) filter (where source = 'email' and not person_opened)                                  as machine_opens,
  count(*) filter (where source = 'email')                                                        as open_hits,
  min(received_at) filter (where person_clicked)                                                  as first_click_at,
  max(received_at) filter (where person_clicked)                                                  as last_click_at,
  count(*) filter (where person_clicked)                                                          as clicks,
  count(*) filter (where source = 'click' and not person_clicked)                                 as machine_clicks,
  count(*) filter (where source = 'click')                                                        as click_hits
from steps
group by site_id, message_id, recipient_id;
