-- All strategies; version is the source's own.
select strategy_id::integer     as strategy_id,
       strategy_name::text      as strategy_name,
       strategy_type::text      as strategy_type,
       strategy_category::text  as strategy_category,
       risk_tier::text          as risk_tier,
       version::integer         as version,
       is_active::boolean       as is_active,
       updated_at::timestamptz  as updated_at
from strategies
