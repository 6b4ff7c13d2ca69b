# Sourced by the commands beside it: puts a Node that is new enough first on PATH.
# The machine's own where it is 22.19 or newer, else the private one that the Makefile fetched.
new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)' 2>/dev/null
}
# A release brings the one that it was tried with.
if [ -f "$root/release.json" ]; then
  PATH="$root/bin:$PATH"
  export PATH
  return 0
fi
for private in "$root"/.node/node_modules/node-linux-*/bin; do
  if [ -x "$private/node" ] && new_enough "$private/node"; then
    PATH="$private:$PATH"
    export PATH
    return 0
  fi
done
if command -v node >/dev/null 2>&1 && new_enough node; then return 0; fi
echo "Node 22.19 or newer is needed, and none is here. Run \`make install\` in $root once: it fetches a private one." >&2
exit 1
