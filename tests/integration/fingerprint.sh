#!/usr/bin/env bash
# Every column of every table that `tapemill fingerprint` reads is in the fingerprint, or named here as left out; and a
# column that is neither would be noticed.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
tapemill migrate >/dev/null

# What is left out: surrogate keys (dimensions stand as natural id and valid_from), and how and when a row came; so do
# epochs, comparisons and observations, from which versions follow.
declare -A left_out=(
    [dim_instrument]='instrument_key known_from state_digest'
    [dim_account]='account_key known_from state_digest'
    [dim_strategy]='strategy_key known_from state_digest'
    [dim_client]='client_key known_from state_digest'
    [dim_liquidity_provider]='lp_key known_from state_digest'
    [dim_date]=''
    [dim_time]=''
    [fx_rates]=''
    [fact_trades]='trade_key instrument_key account_key strategy_key client_key lp_key source_lsn etl_run_id loaded_at'
    [fact_performance_daily]='performance_key account_key strategy_key etl_run_id loaded_at'
    [fact_orders]='order_fact_key instrument_key account_key strategy_key client_key lp_key source_lsn etl_run_id loaded_at'
    [fact_quotes]='quote_key instrument_key lp_key source_lsn etl_run_id loaded_at'
    [fact_risk_snapshots]='risk_key client_key source_lsn etl_run_id loaded_at'
    [fact_positions_daily]='position_key account_key instrument_key etl_run_id loaded_at'
    [agg_daily_trade_summary]='etl_run_id created_at updated_at'
    [agg_client_metrics]='etl_run_id created_at updated_at'
    [agg_lp_performance]='etl_run_id created_at updated_at'
    [agg_performance_monthly]='account_key strategy_key etl_run_id loaded_at'
    [etl_open_positions]=''
    [etl_open_lots]=''
    [etl_quarantine]='id record_data first_run_no last_run_no created_at resolved_at'
)

# What the branch of table $1 selects: the lines before its FROM, back to the branch's beginning.
selected() {
    awk -v table="$1" '
        /^-- name: / { inside = $3 == "table" }
        !inside { next }
        /^ *(union all|from \()$/ { text = ""; next }
        $1 == "from" && $2 == table { print text; exit }
        { text = text " " $0 }' "$TAPEMILL_ROOT/sql/ops/fingerprint.sql"
}

# One line for each thing that is wrong.
check_columns() {
    local table column text
    sql warehouse "select c.relname from pg_class c
                   where c.relkind in ('r', 'p') and not c.relispartition and pg_table_is_visible(c.oid)
                     and c.relname ~ '^(dim|fact|agg)_' and c.relname !~ '_(epochs|comparisons|observations)$'" | while read -r table; do
        [ -v "left_out[$table]" ] || echo "$table has no fingerprint"
    done
    for table in "${!left_out[@]}"; do
        text=$(selected "$table")
        [ -n "$text" ] || echo "$table is not in the statement"
        sql warehouse "select attname from pg_attribute
                       where attrelid = '$table'::regclass and attnum > 0 and not attisdropped" >"$TEST_DIR/columns"
        while read -r column; do
            if [[ " ${left_out[$table]} " == *" $column "* ]]; then
                ! grep -qw "$column" <<<"$text" || echo "$table.$column is said to be left out, but is not"
            else
                grep -qw "$column" <<<"$text" || echo "$table.$column is neither in the fingerprint nor left out"
            fi
        done <"$TEST_DIR/columns"
        for column in ${left_out[$table]}; do
            grep -qx "$column" "$TEST_DIR/columns" || echo "$table.$column is left out, but does not exist"
        done
    done
}

assert_equal '' "$(check_columns)" "columns of the fingerprint"
sql warehouse 'alter table fact_trades add forgotten text; alter table dim_client drop column known_from;
               create table dim_forgotten ()'
assert_equal 'dim_client.known_from is left out, but does not exist
dim_forgotten has no fingerprint
fact_trades.forgotten is neither in the fingerprint nor left out' "$(check_columns | sort)" "what would be noticed"
