-- All clients. A client without a tenant belongs to TAPEMILL_DEFAULT_TENANT.
select client_id::uuid         as client_id,
       tenant_id::uuid         as tenant_id,
       client_code::text       as client_code,
       name::text              as name,
       client_type::text       as client_type,
       region::text            as region,
       segment::text           as segment,
       industry::text          as industry,
       onboard_date::date      as onboard_date,
       status::text            as status,
       updated_at::timestamptz as updated_at
from clients
