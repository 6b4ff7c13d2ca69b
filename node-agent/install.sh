#!/bin/sh
# The installer of the node-agent. In: a join token. Out: this machine is a node of the fleet that the token names, with the node-agent in
# /opt/blackroad-node, a system user and a systemd unit of its own; run again it repairs or upgrades. The coordinator serves this text to
# everybody at /install.sh: it holds no secret, and the command that fetches it holds its hash. Releases bring it along as well, for
# `fleet-node uninstall`.
#
# What it trusts: the fingerprint of the fleet's CA in the join token, and nothing of the network. The coordinator tells the hash of the
# archive over a connection that this CA has signed; the signature of the archive is then checked by the node-agent that is installed, and
# where none is, by the one in the archive (docs/install.md says why).
# It needs a POSIX sh, tar, gzip, the core utilities, and curl or wget.
#
#   sh install.sh <join token> [--check] [--version=<version>] [--older] [--new-keys]
#   sh install.sh uninstall
set -u
umask 022

home=/opt/blackroad-node
# Whose releases this machine takes: those who signed with one of these. Root alone writes there.
keys=$home/release-keys
data=/var/lib/blackroad-node
# Releases that the coordinator orders, which the node-agent puts there by itself.
updates=$data/updates
settings=/etc/blackroad
unit=/etc/systemd/system/blackroad-node.service
command=/usr/local/bin/fleet-node
package=/usr/lib/blackroad-node
# The part that updates the system and runs as root (docs/os-updates.md): its units and what it tells.
os_units=/etc/systemd/system/blackroad-os-update
os_stand=/var/lib/blackroad-os
user=blackroad-node
work='' made_user='' made_data='' made_keys=''

say() { printf '  %s\n' "$@"; }
fail() {
  printf '\n' >&2
  printf '  %s\n' "$@" >&2
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# The file that the command has made by mktemp is of no use afterwards.
# shellcheck disable=SC2329 # the trap calls it
clean_up() {
  [ -z "$work" ] || rm -rf "$work"
  # Of a first installation that was refused nothing stays.
  if [ ! -e "$home/current" ]; then
    [ -z "$made_user" ] || userdel "$user" 2>/dev/null
    [ -z "$made_data" ] || rm -rf "$data"
    if [ -d "$settings" ]; then rmdir "$settings" 2>/dev/null; fi
    [ -z "$made_keys" ] || rm -rf "$keys"
  fi
  if [ -d "$home" ]; then rmdir "$home" 2>/dev/null; fi
  case $0 in /*/tmp.*) rm -f "$0" ;; esac
}

become_root() {
  [ "$(id -u)" != 0 ] || return 0
  has sudo || fail 'This needs the rights of root, and there is no sudo here: run it as root.'
  sudo sh "$0" "$@"
  exit
}

read_arguments() {
  token='' only_check='' older='' new_keys='' wanted=''
  for argument in "$@"; do
    case $argument in
      --check) only_check=1 ;;
      --older) older=older ;;
      --new-keys) new_keys=1 ;;
      --version=*[!0-9A-Za-z.-]* | --version=) fail "$argument: expected a version such as --version=0.2.0." ;;
      --version=*) wanted=${argument#--version=} ;;
      brj*) token=$argument ;;
      *) fail "$argument: expected a join token (brj1....), --check, --version=<version>, --older or --new-keys." ;;
    esac
  done
  [ -n "$token" ] || fail 'A join token is missing: "fleet join-token create" on the coordinator prints the whole command.'
}

read_token() {
  damaged='The join token is damaged or cut short: copy the command again, the whole line.'
  case $token in
    brj1.*) ;;
    *) fail "The join token is of another version (${token%%.*}) than this installer reads (brj1): use the command that your coordinator prints." ;;
  esac
  body=$(printf %s "${token#brj1.}" | tr -- '-_' '+/')
  case $((${#body} % 4)) in
    2) body=$body== ;;
    3) body=$body= ;;
  esac
  text=$(printf %s "$body" | base64 -d 2>/dev/null) || fail "$damaged"
  url=$(printf %s "$text" | sed -n 's/.*"url":"\(https:[^"]*\)".*/\1/p')
  fingerprint=$(printf %s "$text" | sed -n 's/.*"ca":"\([0-9a-f]\{64\}\)".*/\1/p')
  address=${url#https://}
  address=${address%%/*}
  case $address in
    '' | *[!]A-Za-z0-9.:_[-]*) fail "$damaged" ;;
    *:*[!0-9]) host=$address port=443 ;;
    *:*) host=${address%:*} port=${address##*:} ;;
    *) host=$address port=443 ;;
  esac
  [ -n "$fingerprint" ] || fail "$damaged"
}

in_foreground() {
  fail "There is no release for $1. To run the node-agent in the foreground, get a folder of the project there" \
    '(it needs Node 22.19 or newer, and npm), and in it:' '' \
    '  npm ci' "  bin/fleet-node join $token" '  bin/fleet-node run'
}

check_machine() {
  system=$(uname -s) machine=$(uname -m)
  case $system in
    Linux) ;;
    Darwin) in_foreground macOS ;;
    *) in_foreground "$system" ;;
  esac
  # A Pi may run 32-bit programs on a 64-bit kernel.
  if [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 32 ]; then machine="$machine with 32-bit programs"; fi
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "This machine runs a 32-bit system, or one of another kind ($machine). The node-agent needs a 64-bit system, x86-64 or ARM." \
      'On a Raspberry Pi 3 or newer install the 64-bit Raspberry Pi OS; older ones cannot be nodes.' ;;
  esac
  needed='tar gzip sha256sum base64 sed tr mktemp stat'
  [ -n "$only_check" ] || needed="$needed useradd userdel runuser setpriv flock"
  missing=
  for each in $needed; do has "$each" || missing="$missing $each"; done
  with=
  if has curl; then with=curl; elif has wget; then with=wget; else missing="$missing curl"; fi
  [ -z "$missing" ] || fail "Missing on this machine:$missing." 'Install them with its package manager (apt-get install, dnf install), and run this again.'
  [ ! -e "$package" ] || fail 'The node-agent was installed here as a package: upgrade it with apt-get, or remove the package first.' \
    "To join: sudo -u $user fleet-node join --data $data <token>"
}

# Where a problem object came, what it says.
problem_in() { sed -n 's/.*"detail":"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$1" 2>/dev/null | sed 's/\\\(.\)/\1/g' | head -n 1; }

# get <path> <file> [options]: only a server of the fleet's CA is heard, and no other CA. curl looks for the name localhost, which every certificate
# of a coordinator has, at the address of the token: that may be one that the certificate does not name. wget cannot do that.
get() {
  path=$1 file=$2 code=0 status=
  shift 2
  if [ "$with" = curl ]; then
    status=$(curl -sS --noproxy '*' --cacert "$work/ca.pem" --capath "$work/no-other-ca" --connect-to "localhost:$port:$host:$port" \
      --retry 5 --connect-timeout 15 --speed-limit 1 --speed-time 60 -H "authorization: Bearer $token" \
      -o "$file" -w '%{http_code}' "$@" "https://localhost:$port$path" 2>"$work/said") || code=$?
    case $code:$status in 0:2??) return 0 ;; esac
    [ $code = 60 ] && not_ours
  else
    wget -nv --no-proxy --ca-certificate="$work/ca.pem" --ca-directory="$work/no-other-ca" --content-on-error \
      --tries=5 --waitretry=15 --retry-on-http-error=503 --timeout=60 --header="authorization: Bearer $token" \
      -O "$file" "$@" "https://$host:$port$path" 2>"$work/said" || code=$?
    [ $code != 0 ] || return 0
    [ $code != 5 ] || not_ours "Should its certificate not name $host: install curl, which does not mind, and run this again."
  fi
  why=$(problem_in "$file")
  [ -n "$why" ] || why=$(tail -n 1 "$work/said")
  fail "The coordinator at $url did not give $path: ${why:-$status}" 'A join token that is over or revoked works no more: make another command on the coordinator.'
}
not_ours() {
  fail "What answers at $url is not the coordinator of this fleet: its certificate is not signed by the CA that the join token names." \
    'Nothing of it was used.' "$@"
}

# The CA comes from anybody: what counts is its hash.
fetch_ca() {
  mkdir "$work/no-other-ca"
  if [ "$with" = curl ]; then
    curl -sSk --noproxy '*' --connect-timeout 15 --max-time 60 --retry 3 -o "$work/ca.pem" "https://$host:$port/ca.pem" 2>"$work/said"
  else
    wget -nv --no-proxy --no-check-certificate --timeout=30 --tries=3 -O "$work/ca.pem" "https://$host:$port/ca.pem" 2>"$work/said"
  fi || fail "The coordinator at $url cannot be reached: $(tail -n 1 "$work/said")"
  found=$(sed -n '/^-----BEGIN CERT/,/^-----END CERT/{/^-----/d;p;}' "$work/ca.pem" | tr -d '\r\n' | base64 -d 2>/dev/null | sha256sum | cut -c 1-64)
  [ "$found" = "$fingerprint" ] || not_ours
}

find_release() {
  get "/v1/releases?name=blackroad-node&arch=$arch" "$work/list.json"
  # One release a line, the highest version first; in a text of JSON no quote stands without a backslash.
  tr '{' '\n' <"$work/list.json" | grep '"sha256":"' | grep -F "\"version\":\"$wanted${wanted:+\"}" | head -n 1 >"$work/release"
  sha256=$(sed -n 's/.*"sha256":"\([0-9a-f]\{64\}\)".*/\1/p' "$work/release")
  version=$(sed -n 's/.*"version":"\([0-9A-Za-z.-]*\)".*/\1/p' "$work/release")
  bytes=$(sed -n 's/.*"bytes":\([0-9]*\).*/\1/p' "$work/release")
  if [ -z "$sha256" ] || [ -z "$version" ] || [ -z "$bytes" ]; then
    fail "The coordinator has no node-agent${wanted:+ $wanted} for this machine (linux, $arch). On the coordinator's machine, with a release that you built or got:" '' \
      "  fleet releases add blackroad-node-${wanted:-<version>}-linux-$arch.tar.gz" '' 'Then run this again. docs/releasing.md says how a release is made and which key is trusted.'
  fi
  installed=
  if [ -L "$home/current" ]; then installed=$(basename "$(readlink "$home/current")"); fi
}

# What runs here: the release that was installed, or one that the coordinator has ordered since.
find_running() {
  running=$installed ordered=
  [ "$(id -u)" = 0 ] || return 0
  ordered=$(as_user readlink "$updates/current" 2>/dev/null)
  ordered=${ordered#releases/}
  case $ordered in
    '' | *[!0-9A-Za-z.+-]*) ordered= ;;
    *) as_user test -x "$updates/releases/$ordered/bin/fleet-node" || ordered= ;;
  esac
  running=${ordered:-$installed}
}

as_user() { runuser -u "$user" -- "$@"; }
# Programs of a release never run as root, and a release is not judged as the user of the node-agent, who could change the judgement.
as_nobody() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs -- "$@"; else "$@"; fi
}

# Whether the installed one can be asked.
is_whole() { [ -n "$installed" ] && as_nobody "$home/current/bin/fleet-node" check-release files "$home/current/" >/dev/null 2>&1; }

# refuse <reason> <words...>: the fleet hears of it, too, where it can.
refuse() {
  report="{\"reason\":\"$1\",\"version\":\"$version\",\"arch\":\"$arch\"}"
  shift
  (
    if [ "$with" = curl ]; then set -- -H 'content-type: application/json' --data "$report"; else set -- --header='content-type: application/json' --post-data="$report"; fi
    get /v1/releases/refusals "$work/answer" "$@"
  ) >/dev/null 2>&1
  fail "$@"
}

fetch_release() {
  free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
  need=$((bytes * 4 / 1024))
  [ "$free" -gt "$need" ] || fail "The disk has $((free / 1024)) MB free, and the node-agent needs $((need / 1024)) MB while it is installed."
  say "fetching blackroad-node $version for $arch ($((bytes / 1000000)) MB) ..."
  get "/v1/releases/$sha256" "$work/archive.tar.gz"
  [ "$(sha256sum <"$work/archive.tar.gz" | cut -c 1-64)" = "$sha256" ] ||
    refuse hash "REFUSED: the archive was changed on the way, or is damaged: its hash is not the one that the coordinator told." 'Nothing was installed.'
  mkdir "$work/new"
  tar -xzf "$work/archive.tar.gz" -C "$work/new" --strip-components=1 --no-same-owner || fail 'The archive cannot be unpacked. Nothing was installed.'
  as_nobody "$work/new/bin/node" --version >/dev/null 2>"$work/said" ||
    fail 'The Node of the release does not start here: it needs glibc 2.28 or newer (Debian 10, Ubuntu 20.04, Fedora 29, Raspberry Pi OS 11).' "$(head -n 1 "$work/said")"
}

# The keys that this machine was installed with; those of the coordinator become them at first, and with consent.
choose_keys() {
  trusted=$keys
  if [ -z "$new_keys" ] && ls "$keys"/*.pub >/dev/null 2>&1; then return 0; fi
  trusted=$work/release-keys
  mkdir "$trusted"
  tr '{' '\n' <"$work/list.json" | grep '"text":"' | while read -r line; do
    id=$(printf %s "$line" | sed -n 's/.*"id":"\([0-9A-F]\{16\}\)".*/\1/p')
    text=$(printf %s "$line" | sed -n 's/.*"text":"\([A-Za-z0-9+/=]*\)".*/\1/p')
    [ -z "$id" ] || printf 'untrusted comment: minisign public key %s\n%s\n' "$id" "$text" >"$trusted/$id.pub"
  done
}
keep_keys() {
  if [ "$trusted" = "$keys" ] || ! ls "$trusted"/*.pub >/dev/null 2>&1; then return 0; fi
  rm -rf "$keys"
  made_keys=1
  mv "$trusted" "$keys" || fail "$keys cannot be written."
}

# The judge is what was installed here before: who brings a release is not asked about it.
check_release() {
  judge=$work/new/bin/fleet-node
  if is_whole; then judge=$home/current/bin/fleet-node; fi
  asked_by "$judge" archive "$work/archive.tar.gz" "$work/list.json" "$work/new" "$trusted"
  say "$(cat "$work/said")"
}
# asked_by <judge> <what is asked...>
asked_by() {
  judge=$1
  shift
  # shellcheck disable=SC2086 # no word where nobody has consented
  as_nobody "$judge" check-release "$@" "${running:-none}" $older >"$work/said" 2>&1 || {
    why=$(sed 's/^fleet-node: //' "$work/said")
    case $why in *' is older than '*) reason=older ;; *' has signed it, '*) reason=key ;; *) reason=content ;; esac
    refuse "$reason" "REFUSED: $why" 'Nothing was changed.'
  }
}

make_user() {
  if ! id "$user" >/dev/null 2>&1; then
    useradd --system --user-group --home-dir "$data" --no-create-home --shell /usr/sbin/nologin --comment 'BlackRoad Fleet node-agent' "$user" 2>"$work/said" ||
      fail "The user $user cannot be made: $(tail -n 1 "$work/said")"
    made_user=1
  fi
  [ -d "$data" ] || made_data=1
  { mkdir -p "$data" "$settings" && chmod 700 "$data" && chown "$user:$user" "$data"; } || fail "$data cannot be made."
}

# A link is swapped in one step: at each moment there is a whole release behind it.
point_to() { ln -sfn "releases/$1" "$home/.current.new" && mv -Tf "$home/.current.new" "$home/current"; }

place() {
  target=$home/releases/$version
  mkdir -p "$home/releases"
  rm -rf "$home/releases/.damaged"
  [ ! -e "$target" ] || mv "$target" "$home/releases/.damaged"
  # As the updater leaves it, so that the way back to this release needs no second download.
  printf %s "$sha256" >"$work/new/.archive-sha256"
  { mv "$work/new" "$target" && chmod 755 "$target" && sync && point_to "$version"; } || fail "$target cannot be written."
  rm -rf "$home/releases/.damaged"
  # The one before stays, as the way back.
  for each in "$home"/releases/*; do
    case ${each##*/} in "$version" | "$installed") ;; *) rm -rf "$each" ;; esac
  done
}

place_unit() {
  mkdir -p "${command%/*}" && ln -sfn "$home/current/bin/fleet-node" "$command"
  if [ "$(sha256sum <"$home/current/launch")" != "$(sha256sum 2>/dev/null <"$home/launch")" ]; then
    is_new=1
    cp "$home/current/launch" "$home/launch.new" && chmod 755 "$home/launch.new" && mv -f "$home/launch.new" "$home/launch"
  fi
  ln -sfn "$updates" "$home/updates"
  as_user mkdir -p "$updates"
  [ -d /run/systemd/system ] || return 0
  text=$(sed "s#$home/bin/#$home/current/bin/#g" "$home/current/blackroad-node.service")
  if [ "$(cat "$unit" 2>/dev/null)" != "$text" ]; then
    is_new=1
    printf '%s\n' "$text" >"$unit.new" && mv -f "$unit.new" "$unit"
  fi
  # The pins of a Pi: a group that only Raspberry Pi OS has, and an unknown one would keep the unit from starting.
  if grep -q '^gpio:' /etc/group; then
    mkdir -p "$unit.d" && printf '[Service]\nSupplementaryGroups=gpio\n' >"$unit.d/gpio.conf"
  fi
  systemctl daemon-reload
}

# Only where apt has the packages. The folder tells the node-agent that this part is there.
place_os_update() {
  [ -d /run/systemd/system ] || return 0
  if ! has apt-get || [ ! -e "$home/current/os-update" ]; then
    remove_os_update
    return 0
  fi
  [ -d "$os_stand" ] || is_new=1
  mkdir -p "$os_stand" && chmod 755 "$os_stand"
  for kind in service path; do
    sed "s#$home/os-update#$home/current/os-update#g" "$home/current/blackroad-os-update.$kind" >"$os_units.$kind.new" && mv -f "$os_units.$kind.new" "$os_units.$kind"
  done
  systemctl daemon-reload
  systemctl enable --quiet --now blackroad-os-update.path 2>"$work/said" || fail "The unit of the system's updates cannot be enabled: $(tail -n 1 "$work/said")"
}
remove_os_update() {
  [ -e "$os_units.path" ] || return 0
  if [ -d /run/systemd/system ]; then
    # An update that is under way comes to its end.
    systemctl disable --quiet --now blackroad-os-update.path 2>/dev/null
    systemctl stop blackroad-os-update.service 2>/dev/null
  fi
  rm -rf "$os_units.path" "$os_units.service" "$os_stand"
}

node_name() { sed -n 's/.*"node": *"\([a-z0-9-]*\)".*/\1/p' "$data/identity.json" 2>/dev/null | head -n 1; }

join_fleet() {
  [ ! -s "$data/identity.json" ] || return 0
  say "joining $url ..."
  as_user "$home/current/bin/fleet-node" join --data "$data" "$token" >"$work/said" 2>&1 ||
    fail "The node-agent $version is installed, but this machine did not join: $(tail -n 1 "$work/said" | sed 's/^fleet-node: //')" \
      'Run this again with another command of the coordinator.'
  say "$(grep '^This machine is node' "$work/said" | head -n 1)"
}

# The release that was asked for is what runs. What lies there belongs to the user of the node-agent, and so does this work.
set_ordered_aside() { as_user rm -f "$updates/trial" "$updates/previous" "$updates/current"; }

# Five seconds without an end: a node-agent that cannot start ends within one.
stays_up() {
  systemctl reset-failed blackroad-node 2>/dev/null
  systemctl restart blackroad-node || return 1
  for _ in 1 2 3 4 5; do
    sleep 1
    [ "$(systemctl show -p ActiveState -p NRestarts blackroad-node | sort | tr '\n' ' ')" = 'ActiveState=active NRestarts=0 ' ] || return 1
  done
}

start() {
  systemctl enable --quiet blackroad-node 2>"$work/said" || fail "The unit cannot be enabled: $(tail -n 1 "$work/said")"
  # What is whole and runs is left alone.
  if [ -z "$is_new" ] && systemctl --quiet is-active blackroad-node; then return 0; fi
  systemctl stop blackroad-node 2>/dev/null
  set_ordered_aside
  if stays_up; then return 0; fi
  if [ "$installed" != "$version" ] && [ -n "$installed" ] && [ -d "$home/releases/$installed" ]; then
    point_to "$installed" && place_unit
    rm -rf "$home/releases/$version"
  elif [ -z "$ordered" ]; then
    running=
  fi
  if [ -n "$running" ]; then
    [ -z "$ordered" ] || as_user ln -sfn "releases/$ordered" "$updates/current"
    systemctl restart blackroad-node
    refuse start "blackroad-node $version does not run here: $running is back and was started." 'journalctl -u blackroad-node says why.'
  fi
  journalctl -u blackroad-node -n 5 --no-pager -o cat >&2
  fail 'The node-agent is installed, but does not keep running: journalctl -u blackroad-node says why.'
}

install_node() {
  # The user of the node-agent may not be able to enter the folder of the person.
  cd / || exit 1
  { work=$(mktemp -d) && chmod 755 "$work"; } || fail 'No temporary folder can be made.'
  if [ -z "$only_check" ]; then
    { mkdir -p "$home" && exec 9<"$home" && flock -n 9; } || fail 'Another installation is under way on this machine.'
    [ "$(stat -c %u "$home")" = 0 ] || fail "$home belongs to another user than root, who could change what is installed. Whatever it is: move it away, and run this again."
    # Beside its place, so that it is moved and not copied.
    rm -rf "$work" "$home"/.incoming.*
    { work=$(mktemp -d "$home/.incoming.XXXXXX") && chmod 755 "$work"; } || fail "$home cannot be written."
  fi
  fetch_ca
  find_release
  find_running
  choose_keys
  is_new=
  if [ "$installed" = "$version" ] && is_whole; then
    did="blackroad-node $version was there already, whole"
    if [ -n "$ordered" ]; then
      asked_by "$home/current/bin/fleet-node" files "$home/current/"
      did="blackroad-node $ordered, which a rollout had brought, replaced by $version, which was installed here" is_new=1
    fi
  else
    fetch_release
    is_new=1
    did="blackroad-node $version installed"
    if [ -n "$running" ] && [ "$running" != "$version" ]; then
      did="blackroad-node $running replaced by $version"
    elif [ "$installed" = "$version" ]; then
      did="blackroad-node $version was damaged, and installed anew"
    fi
    check_release
  fi
  if [ -n "$only_check" ]; then
    say "blackroad-node $version can be installed here from $url. Nothing was changed."
    return 0
  fi
  make_user
  keep_keys
  [ ! -d "$work/new" ] || place
  place_unit
  place_os_update
  join_fleet
  if [ -d /run/systemd/system ]; then start; else set_ordered_aside; fi
  say "$did, in $home, as the user $user, with its data in $data."
  if [ -d /run/systemd/system ]; then
    say "Node $(node_name) runs, and starts with the machine. Its log: journalctl -u blackroad-node"
  else
    say "Node $(node_name) is ready. There is no systemd here; run it in the foreground, or by what starts services on this machine:" '' \
      "runuser -u $user -- $home/launch keep run --data $data"
  fi
  say 'The same command again repairs or upgrades it; "sudo fleet-node uninstall" removes all of it.'
}

uninstall() {
  [ ! -e "$package" ] || fail 'The node-agent was installed here as a package: apt-get purge blackroad-node removes it.'
  name=$(node_name)
  if [ ! -e "$home" ] && [ ! -e "$data" ] && [ ! -e "$unit" ]; then
    say 'There is no node-agent here. Nothing was changed.'
    return 0
  fi
  remove_os_update
  if [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now blackroad-node 2>/dev/null
    rm -rf "$unit" "$unit.d"
    systemctl daemon-reload
    systemctl reset-failed blackroad-node 2>/dev/null
  fi
  rm -rf "$unit" "$unit.d" "$home" "$data" "$settings/node.env"
  # The coordinator of this machine may have its settings there.
  rmdir "$settings" 2>/dev/null
  [ "$(readlink "$command" 2>/dev/null)" != "$home/current/bin/fleet-node" ] || rm -f "$command"
  if id "$user" >/dev/null 2>&1; then
    userdel "$user" || fail "The user $user is still there: something runs as it. End that, and run: userdel $user"
  fi
  say "The node-agent is gone: $home, $data with what it had not yet sent, $settings/node.env, the units, the command, the user $user."
  say 'Lines of its log stay in the journal.'
  [ -z "$name" ] || say "The fleet still lists it. On the coordinator: fleet nodes forget $name"
}

main() {
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  if [ "${1:-}" = uninstall ]; then
    become_root "$@"
    uninstall
  else
    read_arguments "$@"
    read_token
    check_machine
    [ -n "$only_check" ] || become_root "$@"
    install_node
  fi
}

# The last line, so that nothing of a text that was cut short is run.
main "$@"
exit
