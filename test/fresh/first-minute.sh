#!/bin/sh
# The first minute as a new user has it: `make up` in a clone, until its agent has answered; then `make down`. Prints what make up
# said, and `answered after N s`. Runs inside a root of `run.sh`, or in any fresh clone.
cd "$(dirname -- "$0")/../.." || exit 1
started=$(date +%s)
said=$(mktemp)
make up >"$said" 2>&1 </dev/null &
up=$!
while [ $(($(date +%s) - started)) -lt "${FIRST_MINUTE_SECONDS:-600}" ]; do
  if grep -q '^  greeter answers: .' "$said"; then
    answered=$(($(date +%s) - started))
    break
  fi
  kill -0 $up 2>/dev/null || break
  sleep 1
done
bin/fleet nodes && bin/fleet agents
make down
wait $up
cat "$said"
[ -n "${answered:-}" ] || { echo "greeter has not answered"; exit 1; }
echo "answered after $answered s"
