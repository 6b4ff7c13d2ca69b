#!/bin/sh
# Runs one step of the Makefile: `step.sh "<what it does>" <command...>`. Its output is kept; a person sees the seconds it takes,
# and, when it fails, the end of that output with what to do about it.
text=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
started=$(date +%s)
if [ -t 1 ]; then
  printf '  %s ...' "$text"
  # The seconds are redrawn in place, so that a slow network does not look like a stopped one.
  (while sleep 1; do printf '\r  %s ... %s s' "$text" "$(($(date +%s) - started))"; done) &
  ticker=$!
else
  echo "  $text ..."
fi
"$@" >"$log" 2>&1 </dev/null
status=$?
if [ -n "${ticker:-}" ]; then
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null
  printf '\r\033[2K'
  [ $status -ne 0 ] || printf '  %s ... %s s\n' "$text" "$(($(date +%s) - started))"
fi
[ $status -ne 0 ] || exit 0

{
  echo "  FAILED: $text. The end of its output:"
  tail -n 25 "$log" | cut -c 1-300 | sed 's/^/    /'
  if grep -qE 'ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT' "$log"; then
    echo "  What to do: npm cannot reach its package registry. Check this machine's network (and the proxy, if it has one:"
    echo "  npm config get registry; npm config get proxy), then run the same command again."
  elif grep -qE 'SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_HAS_EXPIRED|CERT_NOT_YET_VALID' "$log"; then
    echo "  What to do: the registry's certificate is not trusted here. Check the clock (date). Behind a proxy that signs TLS anew,"
    echo "  name its CA: npm config set cafile /etc/ssl/certs/ca-certificates.crt; then run the same command again."
  elif grep -qE 'ENOSPC|No space left' "$log"; then
    echo "  What to do: the disk is full; the libraries need about 1 GB in $(pwd). Free some room and run the same command again."
  elif grep -qE 'EACCES|EPERM|EROFS' "$log"; then
    echo "  What to do: this user may not write there. Check who owns $(pwd), then run the same command again."
  else
    echo "  What to do: run it by hand and see all of its output:"
    echo "    $*"
  fi
} >&2
exit $status
