#!/bin/sh
# Proves the two commands on machines that have never seen the project: a throw-away minimal Debian root for each suite, with
# nothing but npm, make and git (no Python, no Node newer than the distribution's). In each: a clone of the present commit,
# `make up` until its agent has answered, then `make test`.
#   test/fresh/run.sh [suite ...]        bookworm and trixie where none is named
#   KEEP=1 keeps the roots; ONLY=up leaves the tests out.
# Needs root, mmdebstrap and the network. Prints one line a step, and the log of what failed.
set -eu
project=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
work=${FRESH_DIR:-$project/.fresh}
[ "$(id -u)" = 0 ] || { echo "make fresh needs root: it makes Debian roots and enters them with chroot." >&2; exit 2; }
command -v mmdebstrap >/dev/null || { echo "make fresh needs mmdebstrap: apt-get install mmdebstrap" >&2; exit 2; }
[ -z "$(git -C "$project" status --porcelain)" ] || echo "  uncommitted changes are not in the clone that is tried"
mkdir -p "$work"

# The root as it comes, kept as an archive: unpacking it takes a second, making it a minute.
archive_of() {
  [ -f "$work/$1.tar" ] && return
  echo "  $1: making a minimal root (once) ..."
  mmdebstrap --mode=root --variant=minbase --format=tar --include=npm,make,git,ca-certificates "$1" "$work/$1.tar.part" >"$work/$1.log" 2>&1 ||
    { tail -n 20 "$work/$1.log" >&2; return 1; }
  mv "$work/$1.tar.part" "$work/$1.tar"
}

# Runs a command in the root with a /proc, /dev and processes of its own: whatever it leaves running ends with it.
inside() {
  root=$1
  shift
  unshare --mount --pid --fork --kill-child sh -c '
    root=$1; shift
    mount --make-rprivate / && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/tmp"
    exec chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
      npm_config_cafile=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
      ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"' sh "$root" "$@"
}

try_suite() {
  suite=$1
  root=$work/$suite
  archive_of "$suite"
  rm -rf "$root"
  mkdir -p "$root"
  tar -xf "$work/$suite.tar" -C "$root"
  # Names and certificate authorities as on this machine, which may sit behind a proxy of its own.
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  git clone -q "$project" "$root/root/fleet"
  node=$(inside "$root" node --version 2>/dev/null || echo none)
  echo "  $suite: node $node, npm $(inside "$root" npm --version 2>/dev/null)"
  started=$(date +%s)
  inside "$root" env FOLLOW=1 /bin/sh /root/fleet/test/fresh/first-minute.sh >"$work/$suite-up.log" 2>&1 ||
    { echo "  $suite: make up FAILED; $work/$suite-up.log ends with:"; tail -n 40 "$work/$suite-up.log"; return 1; }
  echo "  $suite: make up answered after $(sed -n 's/^answered after //p' "$work/$suite-up.log" | tail -n 1)"
  [ "${ONLY:-}" = up ] && return
  inside "$root" make -C /root/fleet test CI=1 >"$work/$suite-test.log" 2>&1 ||
    { echo "  $suite: make test FAILED; $work/$suite-test.log:"; grep -n -A 12 '^ *not ok' "$work/$suite-test.log" | head -n 60; tail -n 15 "$work/$suite-test.log"; return 1; }
  echo "  $suite: make test passed, $(sed -n 's/^# {\(.*\)}/\1/p' "$work/$suite-test.log" | tail -n 1), all in $(($(date +%s) - started)) s"
}

failed=0
[ $# -gt 0 ] || set -- bookworm trixie
for suite in "$@"; do
  try_suite "$suite" || failed=1
  [ -n "${KEEP:-}" ] || rm -rf "${work:?}/$suite"
done
exit $failed
