-- What persons asked for, and what each collector did about it. No identifier stands here: subjects are keyed hashes, as in standings.
--
-- Citus: small, and asked for as a whole: make all three reference tables.

create table collectors (
  collector_id  uuid        not null primary key,
  host          text        not null,
  key_check     text        not null,
  seen_at       timestamptz not null
);

comment on table collectors is 'Servers that share this store, each with a journal of its own: an erasure is complete when all of them have done their part. Delete the row of a machine that is gone for good.';
comment on column collectors.collector_id is 'Id of the data directory.';
comment on column collectors.host is 'Name of the machine.';
comment on column collectors.key_check is 'Same at all collectors that make the same hash of the same identifier; others cannot serve one store.';
comment on column collectors.seen_at is 'When it was last heard of, UTC.';

create table person_requests (
  request_id   uuid        not null primary key,
  verb         text        not null check (verb in ('find', 'erase')),
  site_id      text        not null,
  subjects     bytea       not null,
  made_at      timestamptz not null,
  relations    text,
  deletions    bigint      not null default 0,
  cleaned_at   timestamptz,
  rows_erased  text,
  receipt      text
);

comment on table person_requests is 'Requests that every collector has a part in; a find is deleted when it was answered.';
comment on column person_requests.request_id is 'Id of the request, in the receipt.';
comment on column person_requests.verb is 'find or erase.';
comment on column person_requests.site_id is 'The site.';
comment on column person_requests.subjects is 'Keyed hashes of the person''s identifiers, 16 bytes each, one behind the other; as in standings.';
comment on column person_requests.made_at is 'When it was made, UTC.';
comment on column person_requests.relations is 'Tables and partitions out of which rows were deleted, as a JSON array; written with the deleting. Null before it.';
comment on column person_requests.deletions is 'How often rows were deleted for it: whoever cleans the files of an earlier deletion has not cleaned them of a later one.';
comment on column person_requests.cleaned_at is 'When the files of these were cleaned of the rows, UTC. Null where that is still to be done.';
comment on column person_requests.rows_erased is 'What the store held, as JSON: rows by table. Null until nothing more can come.';
comment on column person_requests.receipt is 'The signed receipt. Null until every collector has done its part and the files are cleaned.';

create table person_request_parts (
  request_id    uuid        not null,
  collector_id  uuid        not null,
  host          text        not null,
  done_at       timestamptz not null,
  counts        text        not null,
  primary key (request_id, collector_id)
);

comment on table person_request_parts is 'What each collector found or erased on its own disk.';
comment on column person_request_parts.request_id is 'The request.';
comment on column person_request_parts.collector_id is 'The collector.';
comment on column person_request_parts.host is 'Its machine.';
comment on column person_request_parts.done_at is 'When it had done its part, UTC.';
comment on column person_request_parts.counts is 'Records by holder, as JSON.';
