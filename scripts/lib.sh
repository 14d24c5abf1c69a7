# Shared by the scripts of this folder; sourced, never run. Owns: the root directory, the stage
# timer, the help printer, configuring and building a build folder.
#
# A script prints its own help from its leading comment, so the help cannot disagree with the file.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
SCRIPT_STARTED=$SECONDS
JOBS="${JOBS:-$(nproc)}"

# print_help_if_asked "$0" "$@": the leading comment of the script, when --help is the first argument.
print_help_if_asked() {
  local script=$1
  shift
  if [[ "${1:-}" == "--help" || "${1:-}" == "-h" ]]; then
    sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$script"
    exit 0
  fi
}

say() { printf '== %s\n' "$*" >&2; }

# stage "what it does" command...: prints both ends and the time between them.
stage() {
  local title=$1 started=$SECONDS status=0
  shift
  say "$title"
  "$@" || status=$?
  if ((status == 0)); then
    say "$title: done in $((SECONDS - started)) s"
  else
    say "$title: FAILED (status $status) after $((SECONDS - started)) s"
  fi
  return "$status"
}

# build_in <folder> <targets, quoted, may be empty> [cmake arguments...]
build_in() {
  local folder=$1 targets=$2
  shift 2
  # Objects are the same whatever folder they are built in, so that ccache serves all checkouts.
  export CCACHE_BASEDIR="$ROOT" CCACHE_NOHASHDIR=1
  cmake -S "$ROOT" -B "$folder" -G Ninja "$@" >"$folder.cmake.log" 2>&1 || {
    cat "$folder.cmake.log" >&2
    return 1
  }
  # shellcheck disable=SC2086
  ninja -C "$folder" -j "$JOBS" $targets >&2
}

# With the tests: a folder that scripts/start configured before GoogleTest was installed has none.
build_release() {
  build_in "$ROOT/build" "${1:-}" -DCMAKE_BUILD_TYPE=Release -DTHERMOCLINE_TESTS=ON
}
