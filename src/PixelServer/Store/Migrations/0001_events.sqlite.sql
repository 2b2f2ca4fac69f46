-- The tables of the embedded store: the names are those of PostgreSQL, the types are what SQLite has for them.
-- The meaning of each column stands in docs/schema.md. Forward only: once landed this file never changes.

create table events (
  event_id            text not null,    -- uuid as text
  received_at         text not null,    -- 2026-11-23T14:05:06.123456Z: sorts as text, and the date functions read it
  occurred_at         text not null,    -- as received_at
  site_id             text not null,
  source              text not null,
  name                text not null,
  client_event_id     text,
  visitor_id          text not null,
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
  value               any,              -- a number while 15 digits hold it exactly, so that sums and comparisons work; else its digits as text
  currency            text,
  ip                  text,             -- address as text
  country             text,
  user_agent          text,
  browser             text,
  os                  text,
  device              text,
  traffic             text not null,
  traffic_reasons     text not null,    -- JSON array
  consent_storage     integer not null, -- 0 or 1
  consent_measurement integer not null, -- 0 or 1
  consent_ads         integer not null, -- 0 or 1
  gpc                 integer not null, -- 0 or 1
  properties          text check (json_valid(properties)) -- JSON object, or null where there is none
) strict;

-- Recent events, days and retention all go by time; SQLite has no coarser index that would be cheaper.
create index events_received_at on events (received_at);

create table events_rejected (
  event_id     text not null,
  received_at  text not null,
  rejected_at  text not null,
  site_id      text not null,
  name         text not null,
  code         text not null, -- result code of SQLite
  reason       text not null,
  payload      blob not null  -- the event as JSON in UTF-8
) strict;

create table journal_positions (
  journal_id  text    not null primary key, -- one run of a server that took events: each start has a new one
  position    integer not null,
  host        text    not null,
  updated_at  text    not null
) strict, without rowid;
