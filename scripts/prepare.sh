# Sourced by quickstart and test: installs and builds only when something changed. All words go to stderr.
# Expects $root, the repository's folder.

say() { printf '%s\n' "$*" >&2; }

require_node() {
  if ! command -v node >/dev/null 2>&1; then
    say "Sluice needs Node.js 20.19 or newer, and there is no 'node' on your PATH."
    say "  Fix: install it from https://nodejs.org or with your package manager, then run this again."
    exit 1
  fi
  local version major minor
  version="$(node --version)"
  IFS=. read -r major minor _ <<<"${version#v}"
  if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then
    say "Sluice needs Node.js 20.19 or newer; $(command -v node) is $version."
    say "  Fix: install a current Node.js (https://nodejs.org, or 'nvm install --lts'), then run this again."
    exit 1
  fi
  if ! command -v npm >/dev/null 2>&1; then
    say "Sluice needs npm, which comes with Node.js, and there is no 'npm' on your PATH."
    exit 1
  fi
}

# Two starts at once must not install or build over each other; where there is no flock (macOS) we trust the user.
with_lock() {
  if command -v flock >/dev/null 2>&1; then
    mkdir -p "$root/.sluice"
    exec 9>"$root/.sluice/prepare.lock"
    flock 9
    "$@"
    exec 9>&-
  else
    "$@"
  fi
}

lock_sum() { cksum <"$root/package-lock.json"; }

install_packages() {
  local stamp="$root/node_modules/.sluice-installed"
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(lock_sum)" ] && return 0
  # Installed by hand with npm: good as long as it is not older than the lock file.
  if [ ! -f "$stamp" ] && [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ]; then
    lock_sum >"$stamp"
    return 0
  fi
  say "Installing packages (npm ci)…"
  if ! (cd "$root" && npm ci --include=dev --include=optional --no-audit --no-fund --no-update-notifier --loglevel=error) 1>&2; then
    say "npm ci failed; its own message stands above."
    say "  Fix: check the network, your npm registry (npm config get registry) and disk space, then run this again."
    exit 1
  fi
  lock_sum >"$stamp"
}

build_sources() {
  local stamp="$root/dist/.built"
  local inputs=("$root/src" "$root/commands" "$root/package.json" "$root/package-lock.json" "$root/tsconfig.json"
    "$root/tsconfig.build.json" "$root/scripts/copy-assets.js" "$root/scripts/write-manifest.js")
  # Folders count too: a file that was removed changes its folder.
  if [ -f "$stamp" ] && [ -z "$(find "${inputs[@]}" -newer "$stamp" -print -quit)" ]; then return 0; fi
  say "Building…"
  local started="$root/.sluice/build-started"
  mkdir -p "$root/.sluice"
  : >"$started" # what is saved while the compiler runs is newer than this, and built the next time
  rm -rf "$root/dist"
  if ! (cd "$root" && npm run --silent build) 1>&2; then
    rm -f "$started"
    say "The build failed; the compiler's message stands above."
    exit 1
  fi
  mv "$started" "$stamp"
}
