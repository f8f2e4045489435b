#!/usr/bin/env bash
# Nothing of one machine and nothing unfinished in the project: no path of somebody's home or checkout, no such marks.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

# Written so that this file does not find itself.
homes='(^|[^A-Za-z0-9._$}*-])/(home|root|Users|work|farm|mnt|media)/[A-Za-z0-9._-]'
marks='\b(TO''DO|FIX''ME|X''XX)\b'
outside='\.\./sha''red|\.''library'

report() {
    local hits
    hits=$(project_files | grep -v "^$3\$" | tr '\n' '\0' | xargs -0 -r grep -nIE "$2" || true)
    [ -z "$hits" ] || violation "$1:"$'\n'"$hits"
}

report 'paths of one machine' "$homes" LICENSE
report 'unfinished marks' "$marks" LICENSE
report 'what lies outside of the project' "$outside" '.ci/run'
lint_end
