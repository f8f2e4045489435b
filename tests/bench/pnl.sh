# shellcheck shell=bash disable=SC2154 # ops/bench sources this file: rows, rounds, json, bin come from there
# The calculation of realised P&L alone; see ops/bench. No server is needed.
fills=$(dirname "$bin")/tests/bin/pnl_fills
[ -x "$fills" ] || { echo "Build first: cmake --preset release && cmake --build --preset release" >&2; exit 1; }

# lots of a book, books
courses=('1 1000' '4 1000' '100 100' '10000 10')
for ((round = 1; round <= rounds; round++)); do
    for course in "${courses[@]}"; do
        for decimals in 0 8; do
            for method in average fifo; do
                # shellcheck disable=SC2086 # two words
                note "${method}_${course% *}_$decimals" "$("$fills" $method $course $decimals "$rows")" 'fills/s'
            done
        done
    done
done

if [ -n "$json" ]; then
    printf '{"benchmark": "pnl", "fills": %s, "rounds": %s' "$rows" "$rounds"
    for course in "${courses[@]}"; do
        for decimals in 0 8; do
            for method in average fifo; do
                printf ', "%s_%s_lots_%s_decimals": %s' $method "${course% *}" $decimals "$(median "${method}_${course% *}_$decimals")"
            done
        done
    done
    printf '}\n'
    exit
fi
printf '\n%-10s%10s%12s%16s%16s\n' 'open lots' books '' 'average' 'FIFO'
for course in "${courses[@]}"; do
    for decimals in 0 8; do
        kind='whole shares'
        [ $decimals = 0 ] || kind='8 decimals'
        printf "%-10s%10s  %-14s%12.0f%16.0f\n" "${course% *}" "${course#* }" "$kind" \
            "$(median "average_${course% *}_$decimals")" "$(median "fifo_${course% *}_$decimals")"
    done
done
printf '\nFills a second of processor time, on one core; %s fills, %s rounds, medians.\n' "$rows" "$rounds"
