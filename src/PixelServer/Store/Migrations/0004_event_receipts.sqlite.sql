-- Messages that must not be stored twice. The meaning of each column stands in docs/schema.md.

create table event_receipts (
  once_key     text not null primary key,
  event_id     text not null,
  stored_at    text not null -- written as events.received_at
) strict, without rowid;

create index event_receipts_stored_at on event_receipts (stored_at);
