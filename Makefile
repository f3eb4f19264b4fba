# `make demo` and `make test` fetch what is missing and work on a fresh machine; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
READER := vendor/venv-reader
MINER  := vendor/venv-miner
ORACLE := vendor/python-oracle
PEERS  := vendor/python-peers
export KINITRO_READER_PYTHON := $(CURDIR)/$(READER)/bin/python
export KINITRO_MINER_PYTHON := $(CURDIR)/$(MINER)/bin/python
DEMO_ARGS ?=
PEERS_ARGS ?=
PICTURES_ARGS ?=
VM_TESTS_ARGS ?=

.PHONY: help prerequisites vendor build release reproducible demo test test-gl lint docs identical parity parity-quick
.PHONY: pictures pictures-quick pictures-docs bench bench-peers bench-camera nix-check nix-eval nix-boot nix-write vm-tests clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

prerequisites:
	@scripts/prerequisites

vendor: prerequisites ## fetch libmujoco and MetaWorld's assets, pinned by sha256
	@scripts/vendor

build: vendor ## build the program: target/release/kinitro
	scripts/cargo-release build --release --locked

release: build ## what is installed, as it lies below /usr: target/dist
	@scripts/dist

reproducible: release ## build the release again in another folder and hold it against the first, byte by byte
	@scripts/reproducible

demo: build ## one whole cycle: six mock miners, eight tasks, scores, verification (DEMO_ARGS="--episodes 5")
	target/release/kinitro demo $(DEMO_ARGS)

# The tests' Pythons are virtual environments, as a miner has one. pip installs into them from outside, so that Debian's
# python3 and python3-pip are enough: what else lies in python3-venv is a pip for the inside.
define environment
@rm -rf $(@D)
python3 -m venv --without-pip $(@D)
python3 -m pip --python $(@D)/bin/python install --quiet --root-user-action=ignore --disable-pip-version-check \
  $(addprefix -r ,$^)
@touch $@
endef

$(READER)/.done: docs/examples/requirements.txt
	$(environment)

# What a miner's project asks for, and what reads its datasets.
$(MINER)/.done: src/service/miner_kit/template/requirements.txt tests/miner/requirements.txt
	$(environment)

# Packages that programs of ours are pointed at go into folders.
$(ORACLE)/.done: tests/oracle/requirements.txt
	@rm -rf $(ORACLE)
	python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --target $(ORACLE) --no-deps -r $<
	@touch $@

$(PEERS)/.done: tests/oracle/requirements-peers.txt
	@rm -rf $(PEERS)
	python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --target $(PEERS) --no-deps -r $<
	@touch $@

test: vendor $(READER)/.done $(MINER)/.done ## every test
	env -u PYTHONPATH cargo test --locked

test-gl: vendor ## the tests of the renderer mujoco-gl; they fail where no GL driver is
	KINITRO_REQUIRE_GL=1 cargo test --locked --features gl --test gl --test gl_device -- --nocapture
	KINITRO_REQUIRE_GL=1 cargo test --locked --features gl --lib -- engine::gl:: engine::opengl::

# The example is there so that the tests' packages are too, whose features change some of ours: without them `make test`
# and this would each build the program. Likewise for `docs`.
identical: build ## the same bits on emulated CPUs, two C libraries, both builds; other bits without our maths functions
	cargo build --locked --bin kinitro --example strip_metadata
	cargo build --locked --features system-maths --example system_maths
	scripts/identical

# Both sides of the comparison: the program, and the maths functions that the oracle runs under.
.PHONY: parity-programs
parity-programs: vendor $(ORACLE)/.done
	scripts/cargo-release build --release --locked
	scripts/cargo-release build --release --locked --package maths_preload

parity: parity-programs ## compare every value of every step with Python metaworld, as bits
	python3 tests/oracle/parity.py --packages $(ORACLE)

parity-quick: parity-programs ## the same over one seed and 100 steps
	python3 tests/oracle/parity.py --packages $(ORACLE) --seeds 1 --steps 100

# Wants EGL with Mesa's software renderer (Debian: libegl1 libegl-mesa0 libgl1-mesa-dri).
PICTURES := python3 tests/oracle/pictures.py --packages $(ORACLE)

pictures: parity-programs ## compare pictures with those of MuJoCo's own renderer (PICTURES_ARGS="--envs reach-v3 --jobs 1")
	$(PICTURES) $(PICTURES_ARGS)

pictures-quick: parity-programs ## the same over two moments at 84 x 84
	$(PICTURES) --steps 0,80 --sizes 84 $(PICTURES_ARGS)

pictures-docs: parity-programs ## draw the pairs of docs/renderer.md again
	$(PICTURES) --shown --pairs docs/images/renderer

bench: build ## the figures of docs/benchmarks.md, without the peers
	target/release/kinitro bench sim
	target/release/kinitro bench sim --all
	target/release/kinitro bench experts
	target/release/kinitro bench score
	target/release/kinitro bench ingest
	target/release/kinitro bench fleet
	target/release/kinitro bench wire

bench-peers: build $(ORACLE)/.done $(PEERS)/.done ## EnvPool and Python metaworld beside ours on every task (PEERS_ARGS="--envs reach-v3")
	python3 tests/oracle/peers.py --peers $(PEERS) --oracle $(ORACLE) $(PEERS_ARGS)

bench-camera: build $(ORACLE)/.done ## pictures per second beside MuJoCo's own renderer on llvmpipe
	target/release/kinitro bench camera
	python3 tests/oracle/camera_speed.py --packages $(ORACLE) --kinitro target/release/kinitro

lint: vendor ## formatting, clippy with warnings denied
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --features gl --lib --test gl --test gl_device -- -D warnings

docs: vendor ## the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --lib --example strip_metadata

nix-check: ## the checks of the Nix files that need no NixOS (docs/nix.md)
	@scripts/nix-tools
	python3 tests/nix/check.py $(NIX_CHECK_ARGS)

nix-eval: ## evaluate every output with real nixpkgs: NIXPKGS=path make nix-eval
	@[ -n "$(NIXPKGS)" ] || { echo "nix-eval wants a nixpkgs: NIXPKGS=path make nix-eval" >&2; exit 2; }
	@scripts/nix-tools
	python3 tests/nix/check.py --with-nixpkgs

nix-boot: ## start the appliance's disk in an emulated machine, on Debian with systemd 255 or newer (docs/nix.md)
	@scripts/nix-tools
	python3 tests/nix/check.py --boot

nix-write: ## write what is generated from the Nix files: lines of dist/systemd, golden files, docs/nixos-options.md
	@scripts/nix-tools
	python3 tests/nix/check.py --write

# KINITRO_BIN names a program that was built before.
vm-tests: $(if $(KINITRO_BIN),vendor,build) ## whole machines with systemd, as root on Debian (VM_TESTS_ARGS="basic --qemu")
	python3 vm-tests/local/tests.py --quiet
	python3 vm-tests/local $(VM_TESTS_ARGS)

clean: ## remove what was built and fetched
	rm -rf target vendor
