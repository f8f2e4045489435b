#!/usr/bin/env bash
# The documents say what the code does: settings equal core/config.def, columns of dimensions jobs/dimension.c; every
# `tapemill` subcommand and option that README.md and docs/ show exists, and every subcommand is shown by one of them; files
# they name exist.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

mapfile -t pages < <(project_files | grep -E '^(README\.md|docs/.*\.md)$')
[[ " ${pages[*]} " == *" README.md "* ]] || violation "README.md does not exist"

[ -x "$TAPEMILL_BIN/tapemill" ] || {
    violation "$TAPEMILL_BIN/tapemill does not exist: build first"
    lint_end
}
ops/docs --check || violation "settings and columns: see above"

# The subcommands by `tapemill --help`: indented lines that begin with a word.
known=$("$TAPEMILL_BIN/tapemill" --help | sed -nE 's/^  ([a-z][a-z-]*)( .*)?$/\1/p' | sort -u)
[ -n "$known" ] || violation "tapemill --help lists no subcommand"

# The help of a subcommand, with that of its verb where the second word is one.
help_text() {
    "$TAPEMILL_BIN/tapemill" "$1" --help
    ! is_verb "$1" "$2" || "$TAPEMILL_BIN/tapemill" "$1" "$2" --help
}

is_verb() {
    "$TAPEMILL_BIN/tapemill" "$1" --help | grep -qE "^  $1 ${2:-/}( |\$)"
}

# True for a subcommand that does nothing without a verb.
wants_verb() {
    "$TAPEMILL_BIN/tapemill" "$1" --help | head -n 1 | grep -qE "^usage: tapemill $1 [a-z-]+" &&
        "$TAPEMILL_BIN/tapemill" "$1" --help | grep -q '^Verbs'
}

# "file:line:tapemill WORD ..." of every command line shown: in `...` or at the beginning of an indented or fenced line.
shown() {
    grep -nHoE "(\`|^ *|\\$ |&& |bin/|\" )tapemill [a-z][^\`#|&;]*" "${pages[@]}" |
        sed -E 's/^([^:]+:[0-9]+:)[^a-z]*(bin\/)?tapemill /\1/'
}

used=
while IFS=: read -r file line rest; do
    read -r word arguments <<<"$rest"
    word=${word%%[^a-z-]*}
    used+=" $word"
    grep -qxF -- "$word" <<<"$known" || {
        violation "$file:$line: there is no subcommand \"tapemill $word\""
        continue
    }
    verb=${arguments%%[^a-z-]*}
    if [ -n "$verb" ] && wants_verb "$word" && ! is_verb "$word" "$verb"; then
        violation "$file:$line: there is no \"tapemill $word $verb\""
        continue
    fi
    for option in $(grep -oE '(^| )--[a-z][a-z-]*' <<<"$arguments" || true); do
        grep -qwF -- "$option" < <(help_text "$word" "$verb") ||
            violation "$file:$line: tapemill $word has no option $option"
    done
done < <(shown)

for word in $known; do
    [[ "$used " == *" $word "* ]] || violation "tapemill $word is in no page: show it in README.md or docs/"
done

# Paths of this project that the pages name.
while IFS=: read -r file line path; do
    path=${path//\`/}
    # NAME stands for a job's name; count_trades is the recipe's, which integration.new_job builds.
    [[ $path == *NAME* || $path == *count_trades* ]] && continue
    compgen -G "$path" >/dev/null || violation "$file:$line: there is no $path"
done < <(grep -nHoE '`(core|jobs|sql|scheduler|worker|ops|tests|docs)/[A-Za-z0-9_./@-]+`' "${pages[@]}")
lint_end
