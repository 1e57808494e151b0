#!/usr/bin/env bash
# The suite under AddressSanitizer, with its leak check: the proof run of the rooms with unsafe code.
# Arguments go to `cargo test`: `ci/asan.sh --test matrix`. Linux on x86-64.
set -euo pipefail
cd "$(dirname "$0")/.."

# The toolchain ships the sanitizer's runtime; the flag alone is unstable, hence the bootstrap switch.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="${RUSTFLAGS:-} -Zsanitizer=address -Cforce-frame-pointers=yes"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
# Frames are larger here: give test threads the stack that the deepest recursion needs.
export RUST_MIN_STACK="${RUST_MIN_STACK:-67108864}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=0}"

# A target named outright keeps the flags away from build scripts and procedural macros.
# The documentation tests are left out: rustdoc does not link the runtime.
if [ $# -eq 0 ]; then
    set -- --lib --tests --no-fail-fast
fi
# Debug assertions bounds-check every slot and handle first; without them the unchecked accesses are what is tested.
build=(--target x86_64-unknown-linux-gnu --config profile.dev.package.zx-bench.debug-assertions=false)
# Some tests start examples.
cargo build --examples "${build[@]}"
exec cargo test "${build[@]}" "$@"
