#!/usr/bin/env bash
# `make check`: runs every check, says how long each took, and names at the end all that failed, not the first alone.
#
#   scripts/check.sh [NAME…]      the checks to run; all unless told
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/say.sh
export PATH="$PATH:$PWD/.tools/bin:$PWD/web/node_modules/.bin"

check_format() { cargo fmt --all --check && cargo fmt --manifest-path fuzz/Cargo.toml --check; }
# The same profile and features as `make test`, so that dependencies' build scripts and macros are compiled once.
check_clippy() { cargo clippy --locked --workspace --all-targets --all-features --quiet -- -D warnings; }
check_contracts() { buf lint && buf format proto --diff --exit-code && scripts/check-breaking.sh; }
# Advisories need a database from the network and change without a commit: they are for a schedule, not for a check.
check_dependencies() { cargo deny --offline --all-features --log-level warn check --hide-inclusion-graph bans licenses sources; }
check_unused() { cargo machete --skip-target-dir .; }
check_page() { (cd web && npm run --silent check); }
check_length() { scripts/check-length.sh; }
check_prose() { scripts/check-prose.sh; }
check_deploy() { scripts/check-deploy.sh; }

# The quick ones first: a slip in prose should not wait for clippy.
[ $# -gt 0 ] || set -- format length prose unused deploy contracts dependencies page clippy
failed=()
for name in "$@"; do
  declare -F "check_$name" >/dev/null || fail "there is no check \"$name\""
  SECONDS=0
  said=$(mktemp)
  if "check_$name" >"$said" 2>&1; then
    done_ "$name" "${SECONDS} s  $(grep '^skipped' "$said")"
  else
    printf '%s✗ %s%s\n' "$red" "$name" "$plain" >&2
    cat "$said" >&2
    failed+=("$name")
  fi
  rm -f "$said"
done
[ ${#failed[@]} -eq 0 ] || fail "failed: ${failed[*]}" "Once mended, scripts/check.sh ${failed[*]} runs these alone."
