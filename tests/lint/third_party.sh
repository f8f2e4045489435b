#!/usr/bin/env bash
# A third-party header, and Linux's own calls, are seen by their wrapper alone.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

# header pattern (extended regex) and the files that may include it (shell patterns, separated by |)
rules='
libpq-fe\.h|libpq/.*|postgresql/.*  core/database*.c|core/copy*.c
hiredis/.*|hiredis\.h               core/redis_client.c
curl/.*                             core/http.c
cjson/.*|cJSON\.h                   core/json.c
gmp\.h                              core/decimal*.c|core/decimal_magnitude.h|core/exact.h
zstd.*\.h                           ops/source*.c
sys/prctl\.h|sys/syscall\.h|sys/signalfd\.h|linux/.*  core/platform*.c
'

may_include() {
    local file=$1 patterns pattern
    IFS='|' read -r -a patterns <<<"$2"
    for pattern in "${patterns[@]}"; do
        # shellcheck disable=SC2053
        [[ $file == $pattern ]] && return
    done
    return 1
}

while read -r place header; do
    while read -r headers files; do
        [[ -n $headers && ${header:1:-1} =~ ^($headers)$ ]] || continue
        may_include "${place%%:*}" "$files" || violation "$place: only $files may include ${header:1:-1}"
    done <<<"$rules"
done < <(product_includes)
lint_end
