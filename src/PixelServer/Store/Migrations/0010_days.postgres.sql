-- The keys of daily visitors while they last, and what retention did on which day.
--
-- daily_keys is unlogged: what is deleted from it is in no write-ahead log, no archive and no physical backup. A crash of the database empties
-- it, and the next collector that looks puts the day's key back.
--
-- Citus: both are small and need not be distributed.

create unlogged table daily_keys (
  day      date  not null primary key,
  wrapped  bytea not null
);

comment on table daily_keys is 'The secret of each UTC day from which visitor ids of kind daily are made, closed (AES-256-GCM) under a key that is not in the database. Deleted 48 hours after its day began.';
comment on column daily_keys.day is 'The day, UTC.';
comment on column daily_keys.wrapped is 'A version byte, nonce, 32 bytes, tag. Whoever was first wrote it; all collectors with the same Pixel:CookieKey use it.';

create table retention_runs (
  day          date        not null primary key,
  finished_at  timestamptz not null,
  rules        text        not null,
  whole        boolean     not null,
  partitions   integer     not null,
  rows         bigint      not null
);

comment on table retention_runs is 'What retention did: a row for each UTC day on which it succeeded, kept for three years.';
comment on column retention_runs.day is 'The day, UTC.';
comment on column retention_runs.finished_at is 'When it last succeeded on that day, UTC.';
comment on column retention_runs.rules is 'The rules that it followed, as JSON: days by site, and * for every other site.';
comment on column retention_runs.whole is 'All stored events were looked at, not only those that had come of age since the last run.';
comment on column retention_runs.partitions is 'How many partitions of events were dropped.';
comment on column retention_runs.rows is 'How many rows were deleted one by one: of events, events_rejected and identity_edges.';
