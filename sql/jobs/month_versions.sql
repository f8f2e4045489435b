-- Versions in agg_performance_monthly. See jobs/month_versions.h.

-- name: differs
-- $1 the month (YYYYMM), $2 its end (exclusive).
select exists (
    select from agg_performance_monthly p
    join dim_account a using (account_key)
    join dim_strategy s using (strategy_key)
    where p.month_key = $1::integer
      and ((a.account_id is not null
            and (a.valid_from = a.valid_to or a.valid_from >= $2::timestamptz
                 or exists (select from dim_account v
                            where v.account_id = a.account_id and v.valid_from > a.valid_from
                              and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz)))
           or (s.strategy_id is not null
               and (s.valid_from = s.valid_to or s.valid_from >= $2::timestamptz
                    or exists (select from dim_strategy v
                               where v.strategy_id = s.strategy_id and v.valid_from > s.valid_from
                                 and v.valid_from < v.valid_to and v.valid_from < $2::timestamptz)))))
