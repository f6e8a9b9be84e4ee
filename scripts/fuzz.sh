#!/usr/bin/env bash
# Fuzzes every parser that reads bytes of strangers, one after the other, for SECONDS each (10 unless told). What crashes
# is left in fuzz/artifacts/<target>/ with the line that runs it again.
#
#   scripts/fuzz.sh [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh

readonly seconds=${SECONDS_EACH:-10}
export PATH="$PATH:$PWD/.tools/bin"
# Sanitizers need an unstable compiler; the code has no unsafe that they could look into.
readonly fuzz=(cargo fuzz run --sanitizer none --target-dir target/fuzz)
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
  doing "fuzzing $target for $seconds s"
  mkdir -p "target/fuzz/corpus/$target"
  log=target/fuzz/$target.log
  if ! "${fuzz[@]}" "$target" "target/fuzz/corpus/$target" -- -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=512 >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    fail "$target broke" "The line above says how to run it again; fuzz/artifacts/$target has the bytes."
  fi
  done_ "$target" "$(grep -o 'Done [0-9]* runs' "$log" || echo ran)"
done
