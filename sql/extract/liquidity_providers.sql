-- All liquidity providers.
select lp_id::uuid             as lp_id,
       code::text              as code,
       name::text              as name,
       type::text              as type,
       region::text            as region,
       tier::text              as tier,
       is_active::boolean      as is_active,
       updated_at::timestamptz as updated_at
from liquidity_providers
