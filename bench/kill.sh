#!/usr/bin/env bash
# The long form of EndToEnd/KillTests: PIXEL_KILL_EVENTS events (100,000) through a server that is killed PIXEL_KILLS times (20)
# while PostgreSQL goes away and comes back; once on PostgreSQL, once on SQLite. PIXEL_KILL_SEED repeats a run's choices.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIXEL_KILL_EVENTS=${PIXEL_KILL_EVENTS:-100000} PIXEL_KILLS=${PIXEL_KILLS:-20}
exec ./test.sh -class '*.KillTests' -showLiveOutput "$@"
