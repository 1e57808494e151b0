#!/usr/bin/env bash
# The suite as optimised as a release, with every slot, handle and entry bounds-checked all the same (`cargo test`
# checks them too, but compiles differently). Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."
# A target folder of its own: the slower binaries must not stand where measured ones are looked for.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/checked"
# Link-time optimisation would be done anew for each of the test programs: hours, for code that differs little.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0
exec cargo test --release --features checked "$@"
