#!/usr/bin/env bash
# Every statement under sql/ is valid against a freshly migrated warehouse and the sample source; and a statement that
# is not would be noticed.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
"$TAPEMILL_TEST_BIN/sql_prepare"

sql warehouse 'alter table etl_jobs rename column fence to fence_misspelt'
assert_fails 1 "$TAPEMILL_TEST_BIN/sql_prepare"
assert_contains "$OUTPUT" 'column "fence" does not exist' "a misspelt column"
