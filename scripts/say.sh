# shellcheck shell=bash
# How the scripts speak: one line a step, coloured on a terminal only. Sourced, never run.

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' green=$'\e[32m' yellow=$'\e[33m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold='' green='' yellow='' red='' dim='' plain=''
fi

# A step that takes a while begins.
doing() { printf '%s→%s %s\n' "$bold" "$plain" "$*" >&2; }
# It is there: what, and which one.
done_() { printf '%s✓%s %-12s %s%s%s\n' "$green" "$plain" "$1" "$dim" "${*:2}" "$plain" >&2; }
# Something is missing that others can do without.
warn() { printf '%s!%s %s\n' "$yellow" "$plain" "$*" >&2; }
# It cannot go on: what is wrong, and what to do.
fail() {
  printf '%s✗ %s%s\n' "$red" "$1" "$plain" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}
