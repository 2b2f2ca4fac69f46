-- Mail: an index for the rules that look across the hits of one mail, and the view that counts opens once.

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
    source,
    source = 'email' and traffic in ('human', 'proxy_open')       as person_opened,
    source = 'click' and traffic in ('human', 'proxy_open')       as person_clicked
  from events
  where source in ('email', 'click') and user_id is not null and properties->>'message_id' is not null
),
steps as (
  select
    *,
    lag(received_at) over (partition by site_id, message_id, recipient_id, person_opened order by received_at) as before
  from hits
)
select
  site_id,
  message_id,
  recipient_id,
  max(campaign)                                                                                   as campaign,
  min(received_at) filter (where person_opened)                                                   as first_open_at,
  max(received_at) filter (where person_opened)                                                   as last_open_at,
  count(*) filter (where person_opened and (before is null or received_at - before >= interval '30 minutes')) as opens,
  count(*) filter (where source = 'email' and not person_opened)                                  as machine_opens,
  count(*) filter (where source = 'email')                                                        as open_hits,
  min(received_at) filter (where person_clicked)                                                  as first_click_at,
  max(received_at) filter (where person_clicked)                                                  as last_click_at,
  count(*) filter (where person_clicked)                                                          as clicks,
  count(*) filter (where source = 'click' and not person_clicked)                                 as machine_clicks,
  count(*) filter (where source = 'click')                                                        as click_hits
from steps
group by site_id, message_id, recipient_id;

comment on view email_opens is 'One row per site, mail and recipient that fetched anything: opens and clicks, people apart from machines, and re-opens counted only after a pause.';
comment on column email_opens.site_id is 'Site of the mail.';
comment on column email_opens.message_id is 'The mail, the same for all its recipients.';
comment on column email_opens.recipient_id is 'The site''s own id of the recipient: user_id of the events.';
comment on column email_opens.campaign is 'Campaign that the links were made for; null where none was named.';
comment on column email_opens.first_open_at is 'First open by a person (human or proxy_open), UTC; null where there is none.';
comment on column email_opens.last_open_at is 'Last open by a person, UTC.';
comment on column email_opens.opens is 'Opens by a person: the first, and each that comes at least 30 minutes after the one before it.';
comment on column email_opens.machine_opens is 'Fetches of the open pixel by anything else: machine_open, prefetch, bot, unknown.';
comment on column email_opens.open_hits is 'All fetches of the open pixel.';
comment on column email_opens.first_click_at is 'First click by a person, UTC; null where there is none.';
comment on column email_opens.last_click_at is 'Last click by a person, UTC.';
comment on column email_opens.clicks is 'Clicks by a person, each of them.';
comment on column email_opens.machine_clicks is 'Fetches of links by anything else.';
comment on column email_opens.click_hits is 'All fetches of links.';
