-- An ordinary, empty leaf of the day, with all keys and indexes.
select format('create table fact_trades_m%s partition of fact_trades for values from (%s) to (%s) partition by range (date_key, source)',
              :key / 100, :key / 100 * 100 + 1, :key / 100 * 100 + 101)
where to_regclass('fact_trades_m' || :key / 100) is null \gexec
select format('create table fact_trades_d%s_desk partition of fact_trades_m%s for values from (%s, ''DESK'') to (%s, minvalue)',
              :key, :key / 100, :key, :key + 1) \gexec
