#!/usr/bin/env bash
# Dates of fact_trades are bounded from above by "date_key < last + 1", never by "<=" or "between". PostgreSQL 15 leaves out
# all leaves but the first where "<=" meets the first bound of a parent whose leaves are by (date_key, source): so the desk's
# trades of a month's first date would be missed.
source "$(dirname "${BASH_SOURCE[0]}")/../support/lint.sh"

# What reads other tables alone may do as it likes: branches and common table expressions are looked at each by itself.
while IFS=$'\t' read -r place text; do
    violation "$place: write \"date_key >= first and date_key < last + 1\": $text"
done < <(awk '
    function flush(i) {
        if (reads_trades)
            for (i = 1; i <= found; i++)
                print places[i]
        found = reads_trades = 0
    }
    FNR == 1 || /^-- name: / || /^create / || /union all/ || / as \($/ { flush() }
    /(from|join|update|into|using) fact_trades/ { reads_trades = 1 }
    /date_key (between|<=) / { places[++found] = FILENAME ":" FNR "\t" $0 }
    END { flush() }
' $(project_files | grep '^sql/.*\.sql$'))
lint_end
