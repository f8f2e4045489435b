-- All rates: one unit of currency is worth rate_to_base units of the base currency.
select rate_date::date         as rate_date,
       currency::text          as currency,
       rate_to_base::numeric   as rate_to_base,
       updated_at::timestamptz as updated_at
from fx_rates
