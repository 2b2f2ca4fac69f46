-- What is known of persons beyond what their requests say. The meaning of each column stands in docs/schema.md.

create table standings (
  subject      blob    not null primary key check (length(subject) = 16),
  kept         integer not null default 0,
  processed    integer not null default 0,
  shared       integer not null default 0,
  storage      integer not null default 0,
  measurement  integer not null default 0,
  ads          integer not null default 0,
  changed_at   integer not null -- Unix milliseconds, but each time more than all before
) strict, without rowid;

create index standings_changed_at on standings (changed_at);

create table standing_epoch (
  one    integer not null primary key default 1 check (one = 1),
  epoch  integer not null
) strict;

insert into standing_epoch (epoch) values (1);
