#!/usr/bin/env bash
# Brings a Consul cluster with ACLs on to what this folder says: a policy per service, and a token for each
# that has none yet. Run it again after every change: what is there is updated, tokens are kept.
#
#   CONSUL_HTTP_TOKEN=<a management token> deploy/consul/apply.sh FOLDER
#
# FOLDER receives one file a token, readable by its owner alone; keep it in your vault, not in a repository.
set -euo pipefail
umask 077

tokens=${1:?where may the tokens be written? apply.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$tokens"
consul acl policy list >/dev/null || {
  echo "Consul refuses: is CONSUL_HTTP_ADDR right, are ACLs on, and is CONSUL_HTTP_TOKEN a management token?" >&2
  exit 1
}

for file in "$here"/policies/*.hcl; do
  name=$(basename "$file" .hcl)
  if consul acl policy read -name "lyceum-$name" >/dev/null 2>&1; then
    consul acl policy update -no-merge -name "lyceum-$name" -description "Lyceum: $name" -rules "@$file" >/dev/null
  else
    consul acl policy create -name "lyceum-$name" -description "Lyceum: $name" -rules "@$file" >/dev/null
  fi
  if [ ! -s "$tokens/$name" ]; then
    secret=$(consul acl token create -description "Lyceum: $name" -policy-name "lyceum-$name" |
      awk '$1 == "SecretID:" { print $2 }')
    [ -n "$secret" ]
    echo "$secret" >"$tokens/$name"
  fi
  echo "policy lyceum-$name, token in $tokens/$name"
done
