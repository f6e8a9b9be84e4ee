#!/usr/bin/env bash
# Does the working copy break a contract that stands? Compared with where this branch left main; on main itself, with the
# commit before. AGAINST=<commit> compares with another one. Says "skipped" where nothing stands yet.
set -euo pipefail
cd "$(dirname "$0")/.."

against() {
  local main
  for main in origin/main main; do
    if git rev-parse --quiet --verify "$main" >/dev/null && [ "$(git rev-parse "$main")" != "$(git rev-parse HEAD)" ]; then
      git merge-base "$main" HEAD && return
    fi
  done
  git rev-parse --quiet --verify HEAD^ || true
}

commit=${AGAINST:-$(against)}
if [ -z "$commit" ] || ! git cat-file -e "$commit:proto" 2>/dev/null || ! git cat-file -e "$commit:buf.yaml" 2>/dev/null; then
  echo "skipped: no contracts to compare with"
  exit 0
fi

# Unpacked, because the contracts from elsewhere (buf.yaml's second module) are in no commit.
before=target/contracts-before
rm -rf "$before" && mkdir -p "$before/target"
git archive "$commit" proto buf.yaml | tar -x -C "$before"
cp -r target/proto-modules "$before/target/"
buf breaking --against "$before"
