-- All accounts. An account without a tenant belongs to TAPEMILL_DEFAULT_TENANT.
select account_id::integer     as account_id,
       tenant_id::uuid         as tenant_id,
       client_id::uuid         as client_id,
       account_number::text    as account_number,
       account_name::text      as account_name,
       account_type::text      as account_type,
       broker::text            as broker,
       currency::text          as currency,
       risk_tier::text         as risk_tier,
       is_active::boolean      as is_active,
       updated_at::timestamptz as updated_at
from accounts
