#!/usr/bin/env bash
# Fuzzes everything that reads bytes of strangers, one target after the other, for SECONDS_EACH each (20 unless told): from
# the seeds in the repository and from what earlier runs found (target/fuzz/corpus). A crash, a hang, memory without bounds
# or a promise that does not hold ends it; the bytes are left in fuzz/artifacts/<target>/.
#
#   scripts/fuzz.sh [TARGET…]              all unless told
#   scripts/fuzz.sh replay TARGET FILE…    the same target with these bytes alone, and where it broke
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh

readonly seconds=${SECONDS_EACH:-20}
# Coverage counters are LLVM's (-Cpasses=sancov-module), which a stable compiler takes. Address and memory sanitizers need
# an unstable one, and would look into unsafe code, of which ours has none.
readonly how=(--sanitizer none --target-dir target/fuzz)
readonly limits=(-timeout=5 -rss_limit_mb=512)
export PATH="$PATH:$PWD/.tools/bin"

# A thread that reads what a stranger sent has two megabytes of stack, so here as well.
as_in_service() { ulimit -s 2048; }

if [ "${1:-}" = replay ]; then
  [ $# -ge 3 ] || fail "replay what?" "scripts/fuzz.sh replay TARGET FILE…"
  cargo fuzz build "${how[@]}" "$2"
  as_in_service
  RUST_BACKTRACE=1 exec cargo fuzz run "${how[@]}" "$2" "${@:3}" -- "${limits[@]}"
fi

cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null ||
  fail "fuzz/Cargo.lock is behind" "cargo update --manifest-path fuzz/Cargo.toml --workspace mends it."
doing "building with coverage counters: some minutes the first time"
if [ $# -gt 0 ]; then
  targets=("$@")
  for target in "${targets[@]}"; do cargo fuzz build "${how[@]}" "$target"; done
else
  mapfile -t targets < <(cargo fuzz list)
  cargo fuzz build "${how[@]}"
fi
as_in_service
for target in "${targets[@]}"; do
  doing "fuzzing $target for $seconds s"
  mkdir -p "target/fuzz/corpus/$target"
  log=target/fuzz/$target.log
  if ! cargo fuzz run "${how[@]}" "$target" "target/fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    "${limits[@]}" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 >"$log" 2>&1; then
    grep -v '^stat::' "$log" | tail -n 30 >&2
    fail "$target broke" "scripts/fuzz.sh replay $target fuzz/artifacts/$target/… runs the same bytes again."
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  first=$(sed -n 's/.*INITED cov: \([0-9]*\).*/\1/p' "$log")
  last=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
  # Without counters libFuzzer throws dice.
  [ "${last:-0}" -gt 20 ] || fail "$target covers nothing" "$log says why: was it built with coverage counters?"
  done_ "$target" "$runs runs; covered $first places with what was known, $last now"
done
