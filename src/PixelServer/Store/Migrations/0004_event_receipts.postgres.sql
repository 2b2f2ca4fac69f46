-- What makes a message that is sent twice one event: the key of each message of the last days, in the transaction that stores its event.
--
-- Citus: distribute by once_key; it is asked for by nothing else.

create table event_receipts (
  once_key     uuid        primary key,
  event_id     uuid        not null,
  stored_at    timestamptz not null
);

comment on table event_receipts is 'Messages that must not be stored twice: those that came with an id of their own, such as messageId, for Pixel:Store:OnceDays days.';
comment on column event_receipts.once_key is 'Made of the site and the client''s own id of the message (SHA-256, as a version 8 UUID).';
comment on column event_receipts.event_id is 'The event that was stored; a second copy of the message made none.';
comment on column event_receipts.stored_at is 'When that event was stored, UTC: from then on it counts.';

create index event_receipts_stored_at on event_receipts using brin (stored_at) with (autosummarize = on);
