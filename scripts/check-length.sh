#!/usr/bin/env bash
# No source file over 500 lines: beyond that a reader scrolls instead of reads, and two concepts share a file. Data,
# lock files and whatever is generated are not source. A contract's comments are its specification and do not count.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly MOST=500

status=0
while IFS= read -r -d '' file; do
  [ -f "$file" ] || continue
  case $file in
    *.proto) lines=$(grep -cvE '^[[:space:]]*(//|$)' "$file" || true) ;;
    *) lines=$(wc -l <"$file") ;;
  esac
  if [ "$lines" -gt "$MOST" ]; then
    echo "$file: $lines lines, $MOST at the most: split it by concept"
    status=1
  fi
done < <(git ls-files -z --cached --others --exclude-standard -- \
  '*.rs' '*.proto' '*.ts' '*.tsx' '*.js' '*.css' '*.html' '*.sh' '*.hcl' 'Makefile' '.ci/run' ':!:**/generated/**')
exit $status
