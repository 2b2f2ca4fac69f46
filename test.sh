#!/usr/bin/env bash
# Runs every test: unit, SQLite, a private PostgreSQL, a real browser, clients of other makers, and the recipes of docs/mail.md. Installs the programs
# that this needs where they are absent (Chromium, PostgreSQL, openssl, python3, Node.js) and those clients by npm, and nothing else. Arguments go to the test runner: ./test.sh -class '*JournalTests'
# The last line is always "N passed, N failed, N skipped"; the exit code is 0 only when something passed and nothing failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec </dev/null

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1
export MSBUILDDISABLENODEREUSE=1 # a build node that stays would keep the pipe of "./test.sh | less" open
passed=0 failed=0 skipped=0 notice=
report=$(mktemp -d)
finish() {
  local code=$?
  rm -rf "$report"
  if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ] && [ -z "$notice" ]; then notice="the run stopped before its end"; fi
  if [ -n "$notice" ]; then echo "test.sh: $notice" >&2; fi
  echo "$passed passed, $failed failed, $skipped skipped"
  exit "$code"
}
trap finish EXIT
stop() { notice=$1; exit 1; }

has_chromium() { [ -x "${PIXEL_CHROMIUM:-/usr/bin/chromium}" ]; }
has_postgres() { # 15 or later, where Debian and Ubuntu put it
  local initdb
  for initdb in /usr/lib/postgresql/*/bin/initdb; do
    if [ -x "$initdb" ] && [[ $initdb =~ /([0-9]+)/bin/ ]] && [ "${BASH_REMATCH[1]}" -ge 15 ]; then return 0; fi
  done
  return 1
}

install_missing() {
  local missing=() as_root=() cluster=/etc/postgresql-common/createcluster.d/zz-pixelserver-tests.conf
  has_chromium || missing+=(chromium)
  has_postgres || missing+=(postgresql)
  local program
  for program in openssl python3; do command -v "$program" >/dev/null || missing+=("$program"); done
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null ||
    stop "this machine lacks ${missing[*]} and has no apt-get: install them (PIXEL_CHROMIUM may name a browser; PostgreSQL 15 or later under /usr/lib/postgresql)"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || stop "this machine lacks ${missing[*]}: run once as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi

  echo "Installing ${missing[*]}"
  # The tests start clusters of their own: Debian's package must not create and start one on port 5432.
  "${as_root[@]}" mkdir -p "${cluster%/*}"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$cluster" >/dev/null
  local installed=0
  "${as_root[@]}" apt-get -q update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "${missing[@]}" || installed=$?
  "${as_root[@]}" rm -f "$cluster"
  [ "$installed" -eq 0 ] && has_chromium && has_postgres || stop "could not install ${missing[*]} (PostgreSQL must be 15 or later)"
}

# Exactly what the lock says, by its hashes, and none of its scripts: what is not run cannot do anything here.
install_clients() {
  local clients=tests/PixelServer.Tests/clients
  # npm's own record of what it installed; it is older than a lock that was changed or checked out since.
  if [ "$clients/node_modules/.package-lock.json" -nt "$clients/package-lock.json" ]; then return 0; fi
  echo "Installing the clients in $clients"
  (cd "$clients" && npm ci --ignore-scripts --no-audit --no-fund) || stop "could not install the clients in $clients"
}

# The runner's exit code alone is not enough: it is 0 when no test matched, and 0 when a test ends the process.
count() {
  local head
  head=$(grep -o '<assembly [^>]*>' "$report/tests.xml") || stop "the test runner wrote no report (exit code $1)"
  attribute() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$head"; }
  passed=$(attribute passed)
  failed=$(($(attribute failed) + $(attribute errors))) # errors: a fixture that could not be made or cleaned up
  skipped=$(($(attribute skipped) + $(attribute not-run)))
}

install_missing
install_clients
dotnet restore PixelServer.sln --locked-mode --verbosity quiet
dotnet build PixelServer.sln --no-restore -warnaserror --verbosity quiet

# On a build server a test that cannot run is a failure: a machine without PostgreSQL must not look green.
strict=()
[ -z "${CI:-}" ] || strict=(-failSkips)
code=0
timeout --kill-after=30 "${PIXEL_TEST_SECONDS:-3600}" dotnet tests/PixelServer.Tests/bin/Debug/net10.0/PixelServer.Tests.dll \
  -noLogo -noColor -longRunning 120 -result-xml "$report/tests.xml" "${strict[@]}" "$@" || code=$?
count "$code"

[ "$code" -eq 0 ] || exit "$code"
[ "$failed" -eq 0 ] || exit 1
[ "$passed" -gt 0 ] || stop "no test ran"
[ -z "${CI:-}" ] || [ "$skipped" -eq 0 ] || stop "CI is set and $skipped tests did not run"
