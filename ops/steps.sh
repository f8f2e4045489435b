# shellcheck shell=bash
# How the scripts of this folder show what they do: one short line per step, the details in a log (source this file).
#
#   [3/8] building ... ok (12 s)
STEPS_TOTAL=0 STEPS_LOG=/dev/null STEPS_DONE=0 STEPS_STARTED=0 STEPS_REMEDY=

# steps_begin TOTAL LOG: begins the log.
steps_begin() {
    STEPS_TOTAL=$1 STEPS_LOG=$2 STEPS_DONE=0
    mkdir -p "$(dirname "$STEPS_LOG")"
    : >"$STEPS_LOG"
}

# step_begin DESCRIPTION REMEDY: the remedy is a sentence for when the step fails.
step_begin() {
    STEPS_DONE=$((STEPS_DONE + 1)) STEPS_STARTED=$SECONDS STEPS_REMEDY=$2
    printf '[%d/%d] %s ... ' "$STEPS_DONE" "$STEPS_TOTAL" "$1"
    printf '\n=== %s\n' "$1" >>"$STEPS_LOG"
}

step_end() {
    printf 'ok (%d s)\n' $((SECONDS - STEPS_STARTED))
}

# Ends the script. step_fail [LOG]: shows the end of another log than that of the steps.
step_fail() {
    local log=${1:-$STEPS_LOG}
    {
        printf 'FAILED\n\n'
        tail -n 25 "$log" | sed 's/^/  | /'
        printf '\nWhole log: %s\n%s\n' "$log" "$STEPS_REMEDY"
    } >&2
    exit 1
}

# step DESCRIPTION REMEDY COMMAND...: runs COMMAND with its output in the log. It runs in a subshell, outside of any
# condition, so that "set -e" holds inside a function too.
step() {
    local description=$1 remedy=$2 status
    shift 2
    step_begin "$description" "$remedy"
    set +e
    (
        set -e
        "$@"
    ) >>"$STEPS_LOG" 2>&1 </dev/null
    status=$?
    set -e
    [ "$status" -eq 0 ] || step_fail
    step_end
}
