#!/usr/bin/env bash
# Are the production settings of Consul ones that Consul reads? Asks the Consul at hand; the TLS file that belongs to
# another version than this one's is left to a machine that has it.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v consul >/dev/null || { echo "no consul: run \`make setup\`"; exit 1; }
minor=$(consul version | sed -nE '1s/^Consul v([0-9]+)\.([0-9]+).*/\1 \2/p')
read -r major minor <<<"$minor"
if [ "$major" -gt 1 ] || [ "$minor" -ge 12 ]; then tls='tls-from-1.12.hcl'; else tls='tls-before-1.12.hcl'; fi

for role in server agent; do
  folder=$(mktemp -d)
  cp "deploy/consul/$role.hcl" "deploy/consul/$tls" "$folder"
  # Read last, so it wins: a machine without a private address has none to put in the template's place.
  echo 'bind_addr = "127.0.0.1"' >"$folder/zz.hcl"
  # Even a success has warnings to tell, but those are about this machine.
  said=$(consul validate "$folder" 2>&1) || { echo "$role.hcl with $tls: $said"; rm -rf "$folder"; exit 1; }
  rm -rf "$folder"
done
