-- What persons asked for, and what was done about it. The meaning of each column stands in docs/schema.md.

create table collectors (
  collector_id  text not null primary key,
  host          text not null,
  key_check     text not null,
  seen_at       text not null -- as events.received_at
) strict, without rowid;

create table person_requests (
  request_id   text not null primary key,
  verb         text not null check (verb in ('find', 'erase')),
  site_id      text not null,
  subjects     blob not null,
  made_at      text not null, -- as events.received_at
  relations    text,          -- JSON
  deletions    integer not null default 0,
  cleaned_at   text,          -- as events.received_at
  rows_erased  text,          -- JSON
  receipt      text           -- JSON
) strict, without rowid;

create table person_request_parts (
  request_id    text not null,
  collector_id  text not null,
  host          text not null,
  done_at       text not null, -- as events.received_at
  counts        text not null, -- JSON
  primary key (request_id, collector_id)
) strict, without rowid;
