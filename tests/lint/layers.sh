#!/usr/bin/env bash
# Who may include whom: core <- jobs <- {scheduler, worker, ops}; those three never include each other. A project header
# is named with its folder.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

declare -A allowed=(
    [core]='core'
    [jobs]='core jobs'
    [scheduler]='core jobs scheduler'
    [worker]='core jobs worker'
    [ops]='core jobs ops'
)

while read -r place header; do
    [[ $header == \"* ]] || continue
    folder=${place%%/*}
    target=${header//\"/}
    if [[ $target != */* ]]; then
        violation "$place: $header must be named with its folder"
    elif [[ " ${allowed[$folder]} " != *" ${target%%/*} "* ]]; then
        violation "$place: $folder/ must not include $target (allowed: ${allowed[$folder]})"
    fi
done < <(product_includes)
lint_end
