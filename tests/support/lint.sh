# shellcheck shell=bash
# For the lints in tests/lint (source this file). A lint reads the tree at $TAPEMILL_ROOT and, where it needs what was
# built, $TAPEMILL_BUILD. It names every violation with `violation TEXT`, and ends with `lint_end`.
set -euo pipefail
TAPEMILL_ROOT=${TAPEMILL_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
TAPEMILL_BUILD=${TAPEMILL_BUILD:-$TAPEMILL_ROOT/build/asan}
TAPEMILL_BIN=${TAPEMILL_BIN:-$TAPEMILL_BUILD/bin}
PRODUCT_FOLDERS='core jobs scheduler worker ops'
violations=0
cd "$TAPEMILL_ROOT"

violation() {
    printf '%s\n' "$*" >&2
    violations=$((violations + 1))
}

lint_end() {
    [ "$violations" -eq 0 ] || printf '%s violation(s)\n' "$violations" >&2
    [ "$violations" -eq 0 ]
}

# The files of the project, without what is built or kept for a while.
project_files() {
    find . -type d \( -name .git -o -path ./build -o -path ./.tapemill -o -name .cache \) -prune -o -type f \
        ! -path ./.env ! -path ./compile_commands.json -print |
        sed 's|^\./||' | sort
}

# file:line:header of every include in the product; "quoted" or <angled> as it stands in the file.
product_includes() {
    # shellcheck disable=SC2086
    grep -nHE '^[[:space:]]*#[[:space:]]*include' -r $PRODUCT_FOLDERS --include='*.[ch]' |
        sed -E 's/^([^:]+:[0-9]+):[^"<]*(["<][^">]+[">]).*/\1 \2/'
}
