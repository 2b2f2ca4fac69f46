#!/usr/bin/env bash
# Side by side on one machine: nginx that writes a log line, and this server that writes a row. See bench/README.md.
#   BENCH_SECONDS=15 BENCH_WARM=10 BENCH_ROUNDS=3 BENCH_CONNECTIONS="64 256" bench/run.sh
set -Eeuo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${BENCH_SECONDS:-15} warm=${BENCH_WARM:-10} rounds=${BENCH_ROUNDS:-3} connections=${BENCH_CONNECTIONS:-64 256}
patience=${BENCH_PATIENCE:-120}
threads=2       # of wrk: with one it is wrk that is measured, not nginx
variety=1000    # different requests per thread
cookie_count=100
ticks=$(getconf CLK_TCK)

# Everything that differs from PostgreSQL's defaults. Durability is as shipped: fsync, synchronous_commit and
# full_page_writes are on. The two sizes are what any operator sets first; without max_wal_size checkpoints are measured.
postgres_settings=(shared_buffers=256MB max_wal_size=4GB "listen_addresses=127.0.0.1")

fail() { trap - ERR; echo "bench: $*" >&2; exit 1; }
trap 'echo "bench: line $LINENO: $BASH_COMMAND failed" >&2' ERR
need() { command -v "$1" >/dev/null || fail "$1 is missing: apt-get install $2"; }
export PATH="$PATH:/usr/sbin"
need nginx nginx-light; need wrk wrk; need curl curl; need dotnet dotnet-sdk-10.0
postgres_bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1) || fail "PostgreSQL is missing: apt-get install postgresql"

exec 9>"${TMPDIR:-/tmp}/pixel-bench.lock"
flock -n 9 || fail "another benchmark runs on this machine"
dir=$(mktemp -d "${TMPDIR:-/tmp}/pixel-bench.XXXXXX")
chmod 711 "$dir" # PostgreSQL may run as another user and has to reach its own directory below
postgres_pid='' nginx_pid='' pixel_pid=''
ended() { local n; for ((n = 0; n < 600; n++)); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done; return 1; }
stop() { # pid signal: ask, wait a minute, insist
  [ -n "$1" ] && kill -0 "$1" 2>/dev/null || return 0
  kill "-$2" "$1" 2>/dev/null || true
  ended "$1" || kill -KILL "$1" 2>/dev/null || true
}
clean_up() {
  stop "$pixel_pid" KILL
  stop "$nginx_pid" TERM
  stop "$postgres_pid" INT
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

free_port() { # the first from $1 on that nobody listens on
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}
until_true() { # seconds command…
  local end=$(($(date +%s) + $1)); shift
  until "$@"; do [ "$(date +%s)" -lt "$end" ] || return 1; sleep 0.1; done
}
now() { date +%s.%N; }

# --- PostgreSQL

as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
sql() { PGOPTIONS="-c client_min_messages=warning" "$postgres_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$postgres_port" -U bench -d "${2:-events}" -c "$1"; }

start_postgres() {
  mkdir "$dir/postgres"
  [ "$(id -u)" -ne 0 ] || chown postgres "$dir/postgres"
  postgres_port=$(free_port 15432)
  (cd "$dir/postgres" && as_postgres "$postgres_bin/initdb" -D "$dir/postgres/data" -U bench -A trust -E UTF8 --no-locale >/dev/null)
  local setting options=(-c "port=$postgres_port" -c "unix_socket_directories=$dir/postgres")
  for setting in "${postgres_settings[@]}"; do options+=(-c "$setting"); done
  (cd "$dir/postgres" && as_postgres "$postgres_bin/pg_ctl" -D "$dir/postgres/data" -w -t 60 -l "$dir/postgres/log" -o "${options[*]}" start >/dev/null) ||
    fail "PostgreSQL did not start: $(tail -n 5 "$dir/postgres/log")"
  postgres_pid=$(head -n 1 "$dir/postgres/data/postmaster.pid")
}

# --- CPU and memory, from /proc

# utime and stime of the processes, in ticks. What stands before the last ")" may hold blanks.
ticks_of() { local pid; for pid in "$@"; do cat "/proc/$pid/stat" 2>/dev/null || true; done | sed 's/.*) //' | awk '{ sum += $12 + $13 } END { print sum + 0 }'; }
# The same for PostgreSQL, with the backends that have gone: the postmaster counts those as its children's time.
postgres_ticks() {
  local gone
  gone=$(sed 's/.*) //' "/proc/$postgres_pid/stat" | awk '{ print $14 + $15 }')
  # shellcheck disable=SC2046
  echo $((gone + $(ticks_of "$postgres_pid" $(pgrep -P "$postgres_pid"))))
}
# All the machine did, in ticks: everything but idle and waiting for the disk.
busy_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat; }
# Per cent of the machine that went to somebody else in the last load. Much of it makes every figure of that run worthless.
others() { awk -v busy="$busy" -v wrk="$wrk_seconds" -v t="$1" -v hz="$ticks" -v us="$duration" -v n="$(nproc)" 'BEGIN { o = (busy - t) / hz - wrk; printf "%.0f", (o > 0 ? o : 0) / n / us * 1e8 }'; }
memory_mb() { awk -v key="$2:" '$1 == key { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
per_request() { awk -v t="$1" -v n="$2" -v hz="$ticks" 'BEGIN { printf "%.1f", n ? t / hz * 1e6 / n : 0 }'; }

# --- the load

collect_cookies() { # url file: the server's own, as a browser would get them
  local n
  for ((n = 0; n < cookie_count; n++)); do
    curl -s -o /dev/null -D - "$1/p.gif?id=default" | sed -nE 's/^Set-Cookie: ([^;]*).*/\1/Ip'
  done >"$2"
  [ "$(wc -l <"$2")" -eq "$cookie_count" ] || fail "$1 set $(wc -l <"$2") cookies in $cookie_count first visits"
}
load() { # url cookies connections seconds; sets requests duration errors sockets p50 p99 wrk_cpu wrk_seconds busy
  local TIMEFORMAT='%U %S' out before
  before=$(busy_ticks)
  { time wrk -t "$threads" -c "$3" -d "${4}s" --latency -s "$root/bench/requests.lua" "$1/" -- "$2" "$variety" >"$dir/wrk"; } 2>"$dir/wrk.time" ||
    fail "wrk: $(cat "$dir/wrk.time")"
  busy=$(($(busy_ticks) - before))
  out=$(sed -n 's/^RESULT //p' "$dir/wrk")
  read -r requests duration errors sockets p50 p99 <<<"$out"
  wrk_seconds=$(tail -n 1 "$dir/wrk.time" | awk '{ print $1 + $2 }')
  wrk_cpu=$(awk -v s="$wrk_seconds" -v n="$requests" 'BEGIN { printf "%.1f", s * 1e6 / n }')
}
rate() { awk -v n="$1" -v us="$2" 'BEGIN { printf "%.0f", n / us * 1e6 }'; }
milliseconds() { awk -v us="$1" 'BEGIN { printf "%.2f", us / 1000 }'; }

# What the run before left to write is not this run's; and then until the rest of the machine is quiet, if it ever is.
settle() {
  local before end=$(($(date +%s) + patience))
  sql checkpoint postgres
  sync
  while before=$(busy_ticks); sleep 2; [ $((($(busy_ticks) - before) * 100 / (2 * ticks * $(nproc)))) -ge 10 ]; do
    [ "$(date +%s)" -lt "$end" ] || { echo "bench: the machine stayed busy for $patience s" >&2; break; }
  done
}

run_nginx() { # round connections
  settle
  local home=$dir/nginx url workers before ticks_used
  mkdir -p "$home/temp"
  nginx_port=$(free_port 18080)
  sed "s/@PORT@/$nginx_port/" "$root/bench/nginx.conf" >"$home/nginx.conf"
  nginx -p "$home" -c nginx.conf 2>"$home/start.log" &
  nginx_pid=$! url=http://127.0.0.1:$nginx_port
  until_true 10 curl -sf -o /dev/null "$url/p.gif" && kill -0 "$nginx_pid" || fail "nginx did not start: $(cat "$home/start.log" "$home/error.log")"
  collect_cookies "$url" "$dir/cookies"
  load "$url" "$dir/cookies" "$2" "$warm"
  workers=$(pgrep -P "$nginx_pid")
  # shellcheck disable=SC2086
  before=$(ticks_of "$nginx_pid" $workers)
  load "$url" "$dir/cookies" "$2" "$seconds"
  # shellcheck disable=SC2086
  ticks_used=$(($(ticks_of "$nginx_pid" $workers) - before))
  echo "$1 nginx $2 $(rate "$requests" "$duration") $errors $sockets $(milliseconds "$p50") $(milliseconds "$p99")" \
    "$(per_request "$ticks_used" "$requests") $wrk_cpu $(others "$ticks_used") - - - - - - - - -" >>"$dir/rows"
  stop "$nginx_pid" QUIT
  nginx_pid=''
  rm -rf "$home"
}

# --- this server

metric() { awk -v name="$1" -v times="${2:-1}" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { printf "%.0f", sum * times }' "$dir/metrics"; }
read_ledger() {
  curl -sf "$pixel_url/metrics" >"$dir/metrics" || { kill -0 "$pixel_pid" 2>/dev/null && return 1; fail "the server ended: $(tail -n 20 "$dir/pixel.log")"; }
  waiting=$(metric pixel_events_waiting) received=$(metric pixel_events_received_total)
  refused=$(metric pixel_events_refused_total) stored=$(metric pixel_events_stored_total)
  flushes=$(metric pixel_journal_flush_seconds_count) flush_ms=$(metric pixel_journal_flush_seconds_sum 1000)
}
drained() { read_ledger && [ "$waiting" -eq 0 ] && [ $((received - refused)) -eq "$stored" ]; }

run_pixel() { # round connections: a new database, a new journal, a new process
  local at_stop after total distinct end start_ticks start_postgres load_ticks load_postgres all_ticks all_postgres verdict=ok answered
  sql "drop database if exists events" postgres
  sql "create database events" postgres
  settle
  pixel_url=http://127.0.0.1:$(free_port 18090)
  mkdir "$dir/run"
  (cd "$dir/run" && ConnectionStrings__Postgres="Host=127.0.0.1;Port=$postgres_port;Username=bench;Database=events" \
    exec dotnet "$dir/program/PixelServer.dll" --urls "$pixel_url" >"$dir/pixel.log" 2>&1) &
  pixel_pid=$!
  until_true 60 curl -sf -o /dev/null "$pixel_url/readyz" && kill -0 "$pixel_pid" || fail "the server did not get ready: $(tail -n 20 "$dir/pixel.log")"
  collect_cookies "$pixel_url" "$dir/cookies"
  load "$pixel_url" "$dir/cookies" "$2" "$warm"
  until_true 120 drained || fail "the warm-up did not reach PostgreSQL: $(grep -v '^#' "$dir/metrics" | grep pixel_events)"

  local before flushes_before=$flushes flush_ms_before=$flush_ms
  before=$(sql 'select count(*) from events')
  start_ticks=$(ticks_of "$pixel_pid") start_postgres=$(postgres_ticks)
  load "$pixel_url" "$dir/cookies" "$2" "$seconds"
  end=$(now)
  at_stop=$(($(sql 'select count(*) from events') - before))
  load_ticks=$(($(ticks_of "$pixel_pid") - start_ticks)) load_postgres=$(($(postgres_ticks) - start_postgres))
  until_true 600 drained || fail "the load did not reach PostgreSQL: $(grep pixel_events "$dir/metrics")"
  local caught_up; caught_up=$(awk -v a="$end" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }')
  all_ticks=$(($(ticks_of "$pixel_pid") - start_ticks)) all_postgres=$(($(postgres_ticks) - start_postgres))
  read -r total distinct <<<"$(sql 'select count(*), count(distinct event_id) from events' | tr '|' ' ')"
  after=$((total - before)) answered=$((requests - errors))

  # Exactly once: the rows are those that the ledger tells of, no id twice, and as many as wrk saw answered. wrk hangs up
  # in the middle of at most one request per connection, which may be stored though nobody read its answer.
  [ "$total" -eq "$stored" ] && [ "$total" -eq $((received - refused)) ] && [ "$total" -eq "$distinct" ] || verdict="LEDGER"
  [ "$after" -ge "$answered" ] && [ "$after" -le $((answered + $2)) ] || verdict="WRK"
  echo "$1 pixel $2 $(rate "$requests" "$duration") $errors $sockets $(milliseconds "$p50") $(milliseconds "$p99")" \
    "$(per_request "$load_ticks" "$requests") $wrk_cpu $(others $((load_ticks + load_postgres)))" \
    "$(awk -v n="$after" -v s="$caught_up" -v us="$duration" 'BEGIN { printf "%.0f", n / (us / 1e6 + s) }')" \
    "$(awk -v a="$at_stop" -v n="$after" 'BEGIN { printf "%.0f", a / n * 100 }') $caught_up" \
    "$(per_request "$all_ticks" "$after") $(per_request "$all_postgres" "$after")" \
    "$(memory_mb "$pixel_pid" VmHWM) $(memory_mb "$pixel_pid" VmRSS)" \
    "$(awk -v n=$((flushes - flushes_before)) -v ms=$((flush_ms - flush_ms_before)) -v e="$after" 'BEGIN { printf "%.2f %.0f", ms / n, e / n }')" >>"$dir/rows"
  echo "round $1, $2 connections: wrk saw $answered answers 2xx and $errors others; ledger: $received received, $refused refused, $stored stored;" \
    "PostgreSQL: $after rows of this load ($((after - answered)) of them in flight when wrk hung up), $distinct different ids in $total rows: $verdict" >>"$dir/checks"
  [ "$verdict" = ok ] || failed=1
  stop "$pixel_pid" TERM
  pixel_pid=''
  rm -rf "$dir/run"
}

# --- the report

synced_write() { # µs for 4 kB that must be on the device, as the journal's flush sees it
  local count=200
  LC_ALL=C dd if=/dev/zero of="$dir/sync" bs=4k count=$count oflag=dsync 2>&1 | awk -v n=$count -F', ' '/copied/ { split($(NF - 1), t, " "); printf "%.0f", t[1] / n * 1e6 }'
  rm -f "$dir/sync"
}
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; else print "-" }'; }
middle() { awk -v s="$1" -v c="$2" -v f="$3" '$2 == s && $3 == c && $f != "-" { print $f }' "$dir/rows" | median; } # server connections field
ratio() { # connections field: median over the rounds of this server's figure through nginx's requests/s of the same round
  awk -v c="$1" -v f="$2" '$3 == c && $2 == "nginx" { n[$1] = $4 } $3 == c && $2 == "pixel" { p[$1] = $f } END { for (r in p) printf "%.3f\n", p[r] / n[r] }' "$dir/rows" | median
}

report() {
  local c s
  cat <<EOF
# $(date -u +%F), $commit

| | |
| --- | --- |
| machine | $(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo), Linux $(uname -r) |
| disk | $(stat -f -c %T "$dir"), $sync_before µs for a synced 4 kB write (mean of 200; $(synced_write) µs after the runs) |
| load average at the start | $load_before |
| versions | $(nginx -v 2>&1 | sed 's/.*: //'), $({ wrk -v 2>&1 || true; } | awk 'NR == 1 { print $1, $2 }'), $("$postgres_bin/postgres" --version), .NET $(dotnet --list-runtimes | awk '/AspNetCore/ { v = $2 } END { print v }') |
| PostgreSQL | ${postgres_settings[*]}; all else as shipped (fsync, synchronous_commit and full_page_writes are on) |
| this server | Release, \`Acknowledge=Flushed\` and every other setting by default |
| load | wrk, $threads threads, ${seconds} s after ${warm} s to warm up, $rounds rounds, medians; $variety different requests per thread |

| connections | server | requests/s | stored/s | not 2xx | socket errors | p50 ms | p99 ms | server CPU µs/request | wrk CPU µs/request | CPU of anything else |
| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
EOF
  for c in $connections; do
    for s in nginx pixel; do
      echo "| $c | $s | $(middle $s "$c" 4) | $(middle $s "$c" 12) | $(middle $s "$c" 5) | $(middle $s "$c" 6) | $(middle $s "$c" 7) | $(middle $s "$c" 8) | $(middle $s "$c" 9) | $(middle $s "$c" 10) | $(middle $s "$c" 11) % |"
    done
  done
  cat <<EOF

stored/s: rows counted in PostgreSQL, through the time from the start of the load until the last of them is in. CPU of anything
else is what was neither server nor PostgreSQL nor wrk, of all CPUs together: where it is more than a few per cent, the machine was
busy and the figures of that run are worth little; the ratios suffer less, CPU per request least. A slow flush shows a slow disk.

| connections | requests/s to nginx's | **stored/s to nginx's requests/s** | stored when the load stops | catch-up s | server CPU µs/event, all | PostgreSQL CPU µs/event | memory peak MB | memory at the end MB | flush of the journal, mean ms | events per flush |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
EOF
  for c in $connections; do
    echo "| $c | $(ratio "$c" 4) | **$(ratio "$c" 12)** | $(middle pixel "$c" 13) % | $(middle pixel "$c" 14) | $(middle pixel "$c" 15) | $(middle pixel "$c" 16) | $(middle pixel "$c" 17) | $(middle pixel "$c" 18) | $(middle pixel "$c" 19) | $(middle pixel "$c" 20) |"
  done
  echo
  echo "Exactly once:"
  echo
  sed 's/^/- /' "$dir/checks"
  echo
  echo 'Every run (round, server, connections, requests/s, not 2xx, socket errors, p50, p99, server CPU, wrk CPU, % of the machine'
  echo 'used by anything else, stored/s, stored % at the stop, catch-up, server CPU per event, PostgreSQL CPU per event, peak MB, end MB,'
  echo 'mean flush ms, events per flush):'
  echo
  echo '```text'
  column -t "$dir/rows"
  echo '```'
}

commit=$(git -C "$root" rev-parse --short HEAD)
[ -z "$(git -C "$root" status --porcelain -- src)" ] || commit="$commit+changes"
load_before=$(cut -d ' ' -f 1-3 /proc/loadavg)
sync_before=$(synced_write)
failed=0
[ "$(stat -f -c %T "$dir")" != tmpfs ] || echo "bench: $dir is in memory, so nothing is really flushed; set TMPDIR to a disk" >&2
echo "Publishing $commit"
dotnet publish "$root/src/PixelServer" -c Release -o "$dir/program" --nologo -v quiet
start_postgres
for ((round = 1; round <= rounds; round++)); do
  for c in $connections; do
    order=(run_nginx run_pixel) # who goes first alternates: neither always finds the warmer or the quieter machine
    [ $((round % 2)) -eq 1 ] || order=(run_pixel run_nginx)
    for run in "${order[@]}"; do
      "$run" "$round" "$c"
      tail -n 1 "$dir/rows"
    done
  done
done

mkdir -p "$root/bench/results"
result=$root/bench/results/$(date -u +%F)-$commit.md
report >"$result"
cat "$result"
echo "Written to ${result#"$root"/}"
[ "$failed" -eq 0 ] || fail "an exactly-once check did not hold (see above)"
