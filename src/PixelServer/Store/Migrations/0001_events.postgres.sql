-- The tables of the store. Forward only: once landed this file never changes, the next change is a file of its own.
--
-- Citus: every table here can be distributed as it stands. events has no primary key and no unique index, because on Citus each
-- would have to contain the distribution column (visitor_id); that a row is stored once is the business of journal_positions,
-- which moves in the transaction that stores the rows.

create table events (
  event_id            uuid not null,
  received_at         timestamptz not null,
  occurred_at         timestamptz not null,
  site_id             text not null,
  source              text not null,
  name                text not null,
  client_event_id     text,
  visitor_id          uuid not null,
  visitor_kind        text not null,
  user_id             text,
  email_sha256        text,
  url                 text,
  host                text,
  path                text,
  title               text,
  referrer            text,
  referrer_host       text,
  utm_source          text,
  utm_medium          text,
  utm_campaign        text,
  utm_term            text,
  utm_content         text,
  click_id_kind       text,
  click_id            text,
  value               numeric,
  currency            text,
  ip                  inet,
  country             text,
  user_agent          text,
  browser             text,
  os                  text,
  device              text,
  traffic             text not null,
  traffic_reasons     text[] not null,
  consent_storage     boolean not null,
  consent_measurement boolean not null,
  consent_ads         boolean not null,
  gpc                 boolean not null,
  properties          jsonb
)
partition by range (received_at);

comment on table events is 'One row per accepted event, exactly once; partitioned by received_at, the server makes the partitions itself. Times are UTC.';
comment on column events.event_id is 'Id the server gave the event; version 7, so it sorts by time of arrival. Unique by construction, not by an index.';
comment on column events.received_at is 'When the server received the event, by its own clock, UTC. Partition key: name it in every query over long times.';
comment on column events.occurred_at is 'When it happened by the client''s clock, corrected and bounded; equal to received_at where the client gave no usable time.';
comment on column events.site_id is 'Site (property) the event belongs to; default where the client named none.';
comment on column events.source is 'Door the event came through: pixel, beacon, email, click, server, app.';
comment on column events.name is 'Event name, such as page_view, purchase, email_open.';
comment on column events.client_event_id is 'Id that the browser''s and the server''s copy of one event share, as the client sent it.';
comment on column events.visitor_id is 'Who, as far as we may know; see visitor_kind. The event''s own id where visitor_kind is none.';
comment on column events.visitor_kind is 'What visitor_id rests on: cookie (px_id), daily (changes every day), client (id given by an app or server), none.';
comment on column events.user_id is 'The site''s own id of the person, as the site sent it.';
comment on column events.email_sha256 is 'SHA-256 of the normalised e-mail address, 64 lower-case hex digits; only from the server API.';
comment on column events.url is 'Page address as the client sent it.';
comment on column events.host is 'Lower-case host of url.';
comment on column events.path is 'Path of url, without query and fragment.';
comment on column events.title is 'Title of the page.';
comment on column events.referrer is 'Address of the page before, as the client sent it.';
comment on column events.referrer_host is 'Lower-case host of referrer.';
comment on column events.utm_source is 'Campaign tag: source.';
comment on column events.utm_medium is 'Campaign tag: medium.';
comment on column events.utm_campaign is 'Campaign tag: campaign.';
comment on column events.utm_term is 'Campaign tag: term.';
comment on column events.utm_content is 'Campaign tag: content.';
comment on column events.click_id_kind is 'Name of the query parameter that carried the click id, such as gclid or fbclid.';
comment on column events.click_id is 'The ad platform''s click id, case kept.';
comment on column events.value is 'Amount in units of currency; exact.';
comment on column events.currency is 'ISO 4217 code of value, upper case.';
comment on column events.ip is 'Client address as the site''s IP policy leaves it: whole, masked to /24 or /48, or null.';
comment on column events.country is 'ISO 3166-1 alpha-2 country, upper case.';
comment on column events.user_agent is 'User-Agent header as sent.';
comment on column events.browser is 'Browser family without version: Chrome, Safari, Firefox and so on.';
comment on column events.os is 'Operating system family without version: Windows, macOS, iOS, Android, Linux and so on.';
comment on column events.device is 'desktop, mobile, tablet or tv; null where unknown.';
comment on column events.traffic is 'Who fetched: human, proxy_open, machine_open, prefetch, bot, unknown. A label: nothing is deleted for it.';
comment on column events.traffic_reasons is 'Why traffic says so, as stable codes, strongest first; empty for a plain human.';
comment on column events.consent_storage is 'Storing an identifier on the device was allowed.';
comment on column events.consent_measurement is 'Measurement was allowed.';
comment on column events.consent_ads is 'Use for advertising was allowed.';
comment on column events.gpc is 'The request carried Sec-GPC: 1.';
comment on column events.properties is 'Every parameter without a column, as a JSON object; null where there is none.';

-- Rows arrive in the order of received_at, so a summary of each 32 pages finds any stretch of time and costs the writer nothing.
create index events_received_at on events using brin (received_at) with (pages_per_range = 32, autosummarize = on);

create table events_rejected (
  event_id     uuid        not null,
  received_at  timestamptz not null,
  rejected_at  timestamptz not null,
  site_id      text        not null,
  name         text        not null,
  code         text        not null,
  reason       text        not null,
  payload      bytea       not null
);

comment on table events_rejected is 'Events that the database refused for what they hold, with the reason. Nothing here is in events.';
comment on column events_rejected.event_id is 'Id the server gave the event.';
comment on column events_rejected.received_at is 'When the server received the event, UTC.';
comment on column events_rejected.rejected_at is 'When the database refused it, UTC.';
comment on column events_rejected.site_id is 'Site of the event, at most 500 characters; what no database takes is replaced by U+FFFD.';
comment on column events_rejected.name is 'Name of the event, as site_id.';
comment on column events_rejected.code is 'SQLSTATE (PostgreSQL manual, appendix A), or the result code of SQLite.';
comment on column events_rejected.reason is 'The words of the database, without the data of the row.';
comment on column events_rejected.payload is 'The whole event as JSON in UTF-8, with the names of events; read it with convert_from(payload, ''UTF8'').';

create table journal_positions (
  journal_id  uuid        primary key,
  position    bigint      not null,
  host        text        not null,
  updated_at  timestamptz not null
);

comment on table journal_positions is 'Up to where the journal of each run of a server is stored; moves in the transaction that stores the rows. Never edit it by hand.';
comment on column journal_positions.journal_id is 'Id of one run of a server that took events: each start has a new one, so a copied or wiped disk is never mistaken for another.';
comment on column journal_positions.position is 'Everything in the journal before this position, in bytes, is in events or in events_rejected.';
comment on column journal_positions.host is 'Machine that moved the position last.';
comment on column journal_positions.updated_at is 'When the position moved last, UTC.';
