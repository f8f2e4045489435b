#!/usr/bin/env bash
# Every C file is laid out as .clang-format says. `tests/lint/format.sh --fix` lays them out.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

if ! command -v clang-format >/dev/null; then
    violation "clang-format is not installed. Run ops/setup."
    lint_end
fi
mapfile -t files < <(project_files | grep -E '\.[ch]$')
if [ "${1:-}" = --fix ]; then
    clang-format -i "${files[@]}"
    exit
fi
mapfile -t wrong < <(clang-format --dry-run "${files[@]}" 2>&1 | sed -n 's/^\([^: ]*\):[0-9]*:.*/\1/p' | sort -u)
for file in "${wrong[@]}"; do
    violation "$file is not laid out as .clang-format says (to mend it: tests/lint/format.sh --fix)"
done
lint_end
