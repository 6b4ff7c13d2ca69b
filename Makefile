# BlackRoad Fleet. `make up` is the first minute; `make test` proves it.
# Needs npm and make; a Node older than 22.19 or an npm older than 10 is left alone, and a private one is fetched beside the project.
SHELL := /bin/sh
ROOT := $(CURDIR)
DATA ?= $(ROOT)/data
PORT ?= 8400
ARCH := $(shell uname -m | sed 's/x86_64/x64/;s/aarch64/arm64/')
PRIVATE := .node/node_modules/node-linux-$(ARCH)/bin/node
# The machine's own Node where it is new enough.
OWN := $(shell node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a > 22 || (a === 22 && b >= 19)) console.log(process.execPath)' 2>/dev/null)
NODE := $(if $(OWN),$(OWN),$(ROOT)/$(PRIVATE))
# npm 9 (Debian's) cannot read the lock file's overrides that point at a folder: it says that there is no lock file.
PRIVATE_NPM := .node/node_modules/npm/bin/npm-cli.js
OWN_NPM := $(shell npm --version 2>/dev/null | awk -F. '$$1 >= 10 { print "npm" }')
NPM := $(if $(OWN_NPM),npm,node $(ROOT)/$(PRIVATE_NPM))
# npm is a script that takes the first node on PATH.
WITH_NODE := PATH="$(dir $(NODE)):$(ROOT)/node_modules/.bin:$$PATH"
TOOLS := $(strip $(if $(OWN),,$(PRIVATE)) $(if $(OWN_NPM),,$(PRIVATE_NPM)))
TOOLS_WORDS := $(if $(OWN),,Node 24 (this machine has none of 22.19 or newer))$(if $(OWN)$(OWN_NPM),, and )$(if $(OWN_NPM),,npm 11 (the one here is older than 10))
STEP := @$(ROOT)/bin/step.sh
SOURCES := $(shell find protocol std model-server node-agent/src -name '*.ts' -not -name '*.test.ts' 2>/dev/null)
COORDINATOR := $(shell find protocol std model-server coordinator/src coordinator/cli/src -name '*.ts' -not -name '*.test.ts' 2>/dev/null)
CONSOLE := $(shell find coordinator/console/src coordinator/console/build.ts coordinator/console/found.ts protocol/src -type f -not -name '*.test.ts' 2>/dev/null) docs/examples/home.yaml

.PHONY: cloud-init-check image-boot image image-check image-lock balena install install-check os-check ansible-check rollouts-check objects-check stores-check gpio-check integrations mcp-check vscode devcontainer-check node-red up down dev test dist check clients compat bench soak clean docs help sim sim-hour sim-mutants screenshots fresh link

help:
	@sed -n 's/^##//p' $(MAKEFILE_LIST)

## make install   fetches Node (where needed) and the libraries
install: node_modules/.installed

ifeq ($(filter $(ARCH),x64 arm64),)
$(error BlackRoad Fleet needs a 64-bit system, x86-64 or ARM; this one is $(ARCH). On a Raspberry Pi 3 or newer install the 64-bit Raspberry Pi OS)
endif
ifeq ($(shell command -v npm 2>/dev/null),)
$(error npm is missing. On Debian, Ubuntu and Raspberry Pi OS: sudo apt-get install npm)
endif

ifneq ($(TOOLS),)
$(TOOLS) &:
	@mkdir -p .node && echo '{"private":true}' > .node/package.json
	$(STEP) "fetching $(TOOLS_WORDS) for this project alone" npm install --no-save --no-audit --no-fund --prefix .node $(if $(OWN),,node-linux-$(ARCH)@24) $(if $(OWN_NPM),,npm@11)
	@touch $(TOOLS)
endif

node_modules/.installed: package-lock.json $(TOOLS)
	$(STEP) "installing libraries" env $(WITH_NODE) $(NPM) ci --no-audit --no-fund
	@touch $@

# One file, so that a Pi loads little and starts fast.
node-agent/dist/main.mjs: node_modules/.installed $(wildcard node-agent/*.ts) $(SOURCES)
	@$(WITH_NODE) node node-agent/bundle.ts

# The end-to-end tests start the coordinator and `fleet` as a release has them.
coordinator/dist/main.mjs: node_modules/.installed test/bundle.ts $(wildcard release/src/*.ts) node-agent/install.sh $(COORDINATOR)
	@$(WITH_NODE) node test/bundle.ts

coordinator/console/dist/index.html: node_modules/.installed $(CONSOLE)
	@$(WITH_NODE) node coordinator/console/build.ts

## make up        starts a coordinator and a node-agent here, and a first agent that answers; DATA=<folder> PORT=<n> for a second fleet,
##                BARE=1 without the agent
up: node_modules/.installed node-agent/dist/main.mjs coordinator/console/dist/index.html
	@$(WITH_NODE) exec node --disable-warning=ExperimentalWarning coordinator/cli/src/main.ts up --data "$(DATA)" --port "$(PORT)" $(if $(BARE),--bare)

## make down      stops it
down: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning coordinator/cli/src/main.ts down --data "$(DATA)"

balena/node_modules/.installed: balena/package-lock.json $(TOOLS)
	$(STEP) "installing balena-sdk" env $(WITH_NODE) $(NPM) ci --prefix balena --no-audit --no-fund
	@touch $@

## make balena    fetches balena-sdk, for a coordinator that looks after balena fleets (docs/balena.md); 76 MB that nothing else needs
balena: balena/node_modules/.installed

## make dev       a coordinator that reloads on save, with a simulated home fleet; needs no Pi, GPU or account
dev: node_modules/.installed
	@$(WITH_NODE) node test/dev.ts

## make check     formatting, lint, types
check: node_modules/.installed
	@$(WITH_NODE) biome check .
	@$(WITH_NODE) tsc -p tsconfig.json --incremental --tsBuildInfoFile "$(ROOT)/.node/types.tsbuildinfo"
	@$(WITH_NODE) tsc -p coordinator/console/tsconfig.json --incremental --tsBuildInfoFile "$(ROOT)/.node/console.tsbuildinfo"
	@$(WITH_NODE) tsc -p vscode/tsconfig.json --incremental --tsBuildInfoFile "$(ROOT)/.node/vscode.tsbuildinfo"
	@[ ! -e balena/node_modules ] || $(WITH_NODE) tsc -p balena

# A real S3 server for the tests of objects, where this machine has Go to build it with; elsewhere they say that they did not run.
S3_SERVER := $(if $(shell command -v go 2>/dev/null),.s3/versitygw)
.s3/versitygw:
	-$(STEP) "building an S3 server for the tests" timeout 300 env GOBIN="$(ROOT)/.s3" GOFLAGS= go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

## make test      checks and every test
test: check $(S3_SERVER) node-agent/dist/main.mjs coordinator/dist/main.mjs coordinator/console/dist/index.html
	@$(WITH_NODE) NODE_COMPILE_CACHE="$(ROOT)/.node/compile-cache" FLEET_TEST_BUNDLES=1 $(if $(CI),node,tap --reporter=terse --timeout=7200) test/all.ts

## make dist      builds what people install, for x64 and arm64, into dist/<version>: archives, packages of Debian, images, their hashes;
##                KEY=<file> signs them, with PASSWORD=<file> where the key has one; ONLY, ARCHES and FORMS choose (docs/releasing.md)
dist: node_modules/.installed coordinator/console/dist/index.html
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning release/src/main.ts dist --npm "$(NPM)" $(if $(KEY),--key "$(KEY)") $(if $(PASSWORD),--password-file "$(PASSWORD)") $(if $(OUT),--out "$(OUT)") $(if $(ONLY),--only "$(ONLY)") $(if $(ARCHES),--arch "$(ARCHES)") $(if $(FORMS),--form "$(FORMS)")

IMAGES := @$(WITH_NODE) node --disable-warning=ExperimentalWarning images/src/main.ts
## make image     builds the image for Raspberry Pi into dist/<version> (needs root, and packages of Debian that it names; docs/flash-a-pi.md);
##                KEY=<file> signs it, with PASSWORD=<file>; MIRROR="<archive> <security archive>", OUT=<folder>, PARTS=<folder> of what it keeps; WITH=ollama
##                has Ollama in it, which a Pi else fetches through its coordinator when it is asked for
image: node_modules/.installed
	$(IMAGES) build --npm "$(NPM)" $(if $(KEY),--key "$(KEY)") $(if $(PASSWORD),--password-file "$(PASSWORD)") $(if $(OUT),--out "$(OUT)") $(if $(PARTS),--parts "$(PARTS)") $(if $(MIRROR),--mirror "$(MIRROR)") $(if $(WITH),--with "$(WITH)")

## make image-check  looks whether the image that was built last is as it should be, or IMAGE=<file>; make test does so, too
image-check: node_modules/.installed
	$(IMAGES) check $(if $(IMAGE),"$(IMAGE)")

## make image-boot  starts the image in QEMU: it joins a coordinator of this machine, answers, loses its power CUTS (20) times, is written anew, takes
##                releases (KEY=<file> of the image), is left alone for IDLE_MINUTES (60), and is read-only; PART="cuts anew updates ollama idle read-only"
##                (no root; needs qemu-system-arm, mtools, e2fsprogs and device-tree-compiler; the consoles' log stays in .image-boot)
image-boot: node_modules/.installed coordinator/console/dist/index.html
	@NPM="$(NPM)" KEY="$(KEY)" PASSWORD="$(PASSWORD)" PART="$(PART)" IDLE_MINUTES="$(IDLE_MINUTES)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/image/boot.ts $(if $(IMAGE),"$(IMAGE)",dist) $(or $(CUTS),20)

## make image-lock  takes the newest packages of Debian into images/packages.lock; ONLY=new leaves what is there, and takes those alone that
##                images/image.yaml names beyond it, with what they need
image-lock: node_modules/.installed
	$(IMAGES) lock $(ONLY)

## make fresh     tries both commands in throw-away minimal Debian roots (needs root and mmdebstrap); SUITES="bookworm trixie"
fresh:
	@test/fresh/run.sh $(SUITES)

## make install-check  runs the one line of docs/install.md on a booted throw-away Debian, and what must be refused there (needs root, mmdebstrap
##                and systemd-nspawn); SUITE=bookworm
install-check: node_modules/.installed coordinator/console/dist/index.html
	@NPM="$(NPM)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/install/check.ts $(SUITE)

## make cloud-init-check  starts a Debian with cloud-init and the file of fleet join-token create --cloud-init in QEMU: it joins by itself
##                (needs root, mmdebstrap, qemu-system-x86, mtools, dosfstools and e2fsprogs); SUITE=bookworm
cloud-init-check: node_modules/.installed
	@NPM="$(NPM)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/install/cloud-init.ts $(SUITE)

## make os-check  updates of the operating system on a booted throw-away Debian: orders, faults, a power cut, a rollout that restarts it (needs
##                root, mmdebstrap and systemd-nspawn); SUITE=bookworm
os-check: node_modules/.installed coordinator/console/dist/index.html
	@NPM="$(NPM)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/os/check.ts $(SUITE)

## make ansible-check  checks the collection in ansible/: lint and sanity with an ansible of its own, which it fetches, modules against a coordinator, and
##                the roles and playbooks on booted throw-away Debians (needs root, mmdebstrap and systemd-nspawn); PART="lint sanity modules machines"
ansible-check: node_modules/.installed coordinator/console/dist/index.html
	@NPM="$(NPM)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/ansible/check.ts $(PART)

## make rollouts-check  rolls releases out to forty simulated and two real node-agents: a good one and four bad ones, a node that is away, an
##                older one; some eight minutes; renews docs/examples/rollouts
rollouts-check: node_modules/.installed node-agent/dist/main.mjs
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/rollouts/check.ts

## make objects-check  tries an S3 store of yours as the coordinator would use it: OBJECTS="s3://bucket/prefix?endpoint=..." with the keys in
##                AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; it removes what it wrote (docs/objects.md)
objects-check: node_modules/.installed
	@BLACKROAD_OBJECTS="$(OBJECTS)" $(WITH_NODE) tap --reporter=terse test/objects/check.ts

## make integrations  the fleet against the real programs that people have beside it, a line a claim with its time: the parser of AsyncAPI,
##                the official MCP client, VS Code (needs Chromium and a compiler), Home Assistant (needs root, mmdebstrap, and some minutes
##                for the first time) and Node-RED (fetched by npm, 117 MB); PART=asyncapi, mcp, vscode, home-assistant or node-red, or a
##                part of one: mcp:http, :stdio, :fuzz, :servers; home-assistant:embedded, :mosquitto, :newest, :voice, :mcp, :large;
##                node-red:examples, :topics, :http, :events, :mqtt, :mqtt-events, and :picture for its editor in Chromium, with pictures
##                (PICTURE=<folder>)
integrations: node_modules/.installed node-agent/dist/main.mjs
	@NPM="$(NPM)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/integrations/check.ts $(PART)

VSCE := @vscode/vsce@4.1.0
VSIX := dist/blackroad-fleet.vsix
## make vscode    packages the extension for VS Code into dist/blackroad-fleet.vsix, and opens the package to see that it is whole (docs/mcp.md);
##                fetches @vscode/vsce, which nothing else needs
vscode: node_modules/.installed
	@mkdir -p dist
	@$(WITH_NODE) node vscode/bundle.ts
	$(STEP) "packaging the extension" env $(WITH_NODE) sh -c 'cd vscode/dist && npx --yes $(VSCE) package --no-dependencies --allow-missing-repository --out "$(ROOT)/$(VSIX)"'
	@$(WITH_NODE) node test/vscode/package.ts $(VSIX)

DEVCONTAINERS := @devcontainers/cli@0.89.0
## make devcontainer-check  has the dev container's own command read .devcontainer/devcontainer.json; it starts no container,
##                and asks no docker for one
devcontainer-check: node_modules/.installed
	@$(WITH_NODE) npx --yes $(DEVCONTAINERS) read-configuration --workspace-folder "$(ROOT)" --docker-path true

## make node-red  packs the nodes for Node-RED: dist/node-red-contrib-blackroad-fleet-<version>.tgz (docs/node-red.md)
node-red: node_modules/.installed
	@export $(WITH_NODE); node node-red/build.ts && mkdir -p dist && cd node-red && $(NPM) pack --silent --ignore-scripts --pack-destination "$(ROOT)/dist"

## make gpio-check  pins on a kernel's own simulated chip, which is called as that of a Pi 5, in QEMU: the suite of pins, and a node-agent whose pins
##                wake an agent and drain it (needs root, mmdebstrap, qemu-system-x86 and e2fsprogs); SUITE=bookworm, PART="suite fleet"
gpio-check: node_modules/.installed node-agent/dist/main.mjs
	@PART="$(PART)" $(WITH_NODE) node --disable-warning=ExperimentalWarning test/gpio/check.ts $(SUITE)

## make stores-check  the suite of vector stores against a real PostgreSQL with pgvector, in a throw-away Debian root (needs root and mmdebstrap)
stores-check: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/stores/check.ts

## make mcp-check  ten thousand bent requests to the MCP door of a coordinator (SEED=1)
mcp-check: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/mcp/check.ts 10000 $(or $(SEED),1)

## make link      puts fleet and fleet-node on the PATH, as links into BINDIR (/usr/local/bin, or ~/.local/bin where that is not writable)
BINDIR ?= $(shell [ -w /usr/local/bin ] && echo /usr/local/bin || echo $$HOME/.local/bin)
link: node_modules/.installed
	@mkdir -p "$(BINDIR)" && ln -sf "$(ROOT)/bin/fleet" "$(ROOT)/bin/fleet-node" "$(BINDIR)/" && echo "  fleet and fleet-node are in $(BINDIR)"
	@case ":$$PATH:" in *":$(BINDIR):"*) ;; *) echo "  $(BINDIR) is not on your PATH yet: add it, for example with: export PATH=\"$(BINDIR):\$$PATH\"" ;; esac

## make sim       thousands of simulated fleets with everything that goes wrong; SEED=<first> SEEDS=<count>, one seed shows its trace
sim: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/sim/run.ts --seed "$(or $(SEED),1)" --seeds "$(or $(SEEDS),2000)"

## make sim-hour  seeds that nobody played before, for MINUTES (60); says what it exercised
sim-hour: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/sim/run.ts --minutes "$(or $(MINUTES),60)"

## make sim-mutants  plants bugs in a copy of the source; each must be caught
sim-mutants: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/sim/mutants.ts $(MUTANT)

## make clients   asks a fleet that runs here with the official clients of OpenAI, Anthropic and Ollama; DATA=<folder> MODEL=<name>
clients: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/clients/run.ts --data "$(DATA)" $(if $(MODEL),--model "$(MODEL)")

## make compat    runs the version before this one beside this one, both ways, out of the history of git
compat: node_modules/.installed
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/compat/compat.ts

## make bench     one line a figure; the long ones (idle for ten minutes) with BENCH=all
bench: node_modules/.installed node-agent/dist/main.mjs coordinator/dist/main.mjs coordinator/console/dist/index.html
	@$(WITH_NODE) FLEET_TEST_BUNDLES=1 node test/bench/run.ts $(BENCH)

## make docs      writes what is generated from the protocol
docs: node_modules/.installed
	@export $(WITH_NODE); node protocol/src/generate/write.ts && node test/contract/configuration.ts && node test/contract/cli-page.ts && node test/contract/personal-page.ts && node test/contract/home-assistant-page.ts

## make screenshots  every page of the console in light, dark and on a phone into screenshots/; renews the pictures of docs/console.md and docs/flash-a-pi.md
screenshots: node_modules/.installed coordinator/console/dist/index.html
	@$(WITH_NODE) node --disable-warning=ExperimentalWarning test/screenshots.ts

## make clean     removes what was installed and built; data stays
clean:
	rm -rf node_modules */node_modules .node .tap .bench .s3 dist node-red/dist node-agent/dist coordinator/dist coordinator/console/dist vscode/dist
