-- What is known of persons beyond what their requests say: erased, restricted, opted out, consented. One row per subject under a keyed hash,
-- so that a server can refuse somebody whom it has forgotten. The server keeps the same in memory and on its own disk.
--
-- Citus: small, and asked for as a whole: make both tables reference tables.

create table standings (
  subject      bytea       not null primary key check (octet_length(subject) = 16),
  kept         bigint      not null default 0,
  processed    bigint      not null default 0,
  shared       bigint      not null default 0,
  storage      bigint      not null default 0,
  measurement  bigint      not null default 0,
  ads          bigint      not null default 0,
  changed_at   timestamptz not null
);

create index standings_changed_at on standings (changed_at);

comment on table standings is 'What was said about persons: the last word of each kind. A word is its moment in Unix milliseconds, negative for a no, 0 where nothing was said.';
comment on column standings.subject is 'HMAC-SHA256, 16 bytes, of site, kind and identifier under a key that is not in the database.';
comment on column standings.kept is 'No: erased. Yes: released for use again.';
comment on column standings.processed is 'No: restricted. Yes: the restriction was lifted.';
comment on column standings.shared is 'No: opted out of sale and sharing.';
comment on column standings.storage is 'The recorded decision about an id on the device.';
comment on column standings.measurement is 'The recorded decision about measurement.';
comment on column standings.ads is 'The recorded decision about advertising.';
comment on column standings.changed_at is 'When the row changed last, UTC; how collectors find what is new.';

-- Every batch names the epoch that its maker knew. Whoever bars somebody moves it on, and a batch that knows another is made again: one that knows
-- less, and one that knows what a database has lost that was restored or failed over. Being a time, no epoch comes twice.
create table standing_epoch (
  one    boolean not null primary key default true check (one),
  epoch  bigint  not null
);

insert into standing_epoch (epoch) values (1);

comment on table standing_epoch is 'One row: when somebody was barred last. A collector that knows another moment stores nothing before it has learnt.';
comment on column standing_epoch.one is 'Always true: there is one row.';
comment on column standing_epoch.epoch is 'Unix milliseconds; grows each time, whatever the clock says.';
