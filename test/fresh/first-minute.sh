#!/bin/sh
# The first minute as a new user has it: `make up` in a clone until its agent has answered, then `make down`. Prints what make up
# said, and `answered after N s`. Where no model can be had, make up must say what to install; with FOLLOW=1 that is done as
# printed, and the second try must answer. Runs inside a root of `run.sh`, or in any fresh clone.
cd "$(dirname -- "$0")/../.." || exit 1
said=$(mktemp)

# Exit 0: answered; 1: it ended or the time is over; 2: it runs, and says that there is no model.
minute() {
  started=$(date +%s)
  answered=
  : >"$said"
  make up >"$said" 2>&1 </dev/null &
  up=$!
  while [ $(($(date +%s) - started)) -lt "${FIRST_MINUTE_SECONDS:-600}" ]; do
    grep -q '^  greeter answers: .' "$said" && { answered=$(($(date +%s) - started)); break; }
    grep -q 'sign in once' "$said" && break
    kill -0 $up 2>/dev/null || break
    sleep 1
  done
  if grep -q '^  console ' "$said"; then bin/fleet nodes && bin/fleet agents; fi
  make down
  wait $up
  cat "$said"
  [ -z "$answered" ] || { echo "answered after $answered s"; return 0; }
  grep -q 'no chat model' "$said" && return 2
  return 1
}

minute
status=$?
if [ $status = 2 ] && [ -n "${FOLLOW:-}" ]; then
  fix=$(sed -n 's/.*no chat model.*(Debian: \(apt install [a-z0-9 -]*\)).*/\1/p' "$said" | head -n 1)
  [ -n "$fix" ] || { echo "no model, and nothing said that would help"; exit 1; }
  echo "doing as it says: $fix"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive sh -c "$fix -y --no-install-recommends"; } >/dev/null 2>&1 || { echo "the hint does not run: $fix"; exit 1; }
  minute
  status=$?
fi
[ $status = 0 ] || echo "greeter has not answered"
exit $status
