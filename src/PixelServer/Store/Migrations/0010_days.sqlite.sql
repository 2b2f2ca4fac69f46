-- What retention did on which day. The meaning of each column stands in docs/schema.md. The keys of daily visitors have a file of their own
-- (days.db, SqliteDailyKeys), so that no copy of this one holds any.

create table retention_runs (
  day          text    not null primary key, -- 2026-11-26
  finished_at  text    not null,             -- as events.received_at
  rules        text    not null,
  whole        integer not null,             -- 0 or 1
  partitions   integer not null,             -- always 0
  rows         integer not null
) strict, without rowid;
