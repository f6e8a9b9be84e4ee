#!/usr/bin/env bash
# Nothing in the repository knows the machine it was written on: no absolute path of a home or a checkout, and no host of
# a package registry or mirror, in files or in lock files. Each machine has its own, in its own configuration.
set -euo pipefail
cd "$(dirname "$0")/.."

# The words are put together here so that this file does not find itself. Cargo.lock names the registry's index by a
# constant of Cargo itself, which says nothing about a machine.
readonly paths='(^|[^[:alnum:]_.~/-])/(root|home/[[:alnum:]_-]+|Users/[[:alnum:]_-]+|wo''rk|workspace)/[[:alnum:]_.-]+'
readonly hosts='(registry\.npm''js\.org|(index|static)\.crat''es\.io|pypi\.o''rg|files\.pythonh''osted|proxy\.gol''ang|deb\.deb''ian\.org|artifact''ory|//[[:alnum:].-]*-pkg\.dev)'

status=0
if git grep -nIE --untracked "$paths" -- ':!:*.lock' ; then
  echo "↑ a path of one machine: make it relative, or read it from the configuration"
  status=1
fi
if git grep -nIE --untracked "$hosts" -- ':!:Cargo.lock'; then
  echo "↑ a registry or mirror: the machine's own configuration names it (npm: omit-lockfile-registry-resolved=true)"
  status=1
fi
if [ -e Cargo.lock ] && grep -n '^source = ' Cargo.lock | grep -v '"registry+https://github.com/rust-lang/crates.io-index"'; then
  echo "↑ a crate from elsewhere than the public registry"
  status=1
fi
exit $status
