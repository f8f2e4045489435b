-- The alert outbox, as it is delivered. See scheduler/alert.h.

-- name: claim
-- Takes the alerts of the cause that waits longest, at most $2 of them, for $1 milliseconds. A cause with an alert
-- that is being delivered, or waits after a failure, is not taken, nor is one that was delivered within the last $3
-- milliseconds: what comes meanwhile is grouped.
with due as (
    select pending.cause
    from (select cause, min(id) as first_id
          from etl_alerts
          where delivered_at is null
          group by cause
          having max(deliver_after) <= now()) pending
    where not exists (select from etl_alerts sent
                      where sent.cause = pending.cause
                        and sent.delivered_at > now() - $3::bigint * interval '1 millisecond')
    order by pending.first_id
    limit 1
), taken as (
    select a.id
    from etl_alerts a join due using (cause)
    where a.delivered_at is null and a.deliver_after <= now()
    order by a.id
    limit $2::integer
    for update of a skip locked
), claimed as (
    update etl_alerts a
    set attempts = a.attempts + 1, deliver_after = now() + $1::bigint * interval '1 millisecond'
    from taken
    where a.id = taken.id
    returning a.*
)
select c.id, c.cause, c.severity, c.title, c.body, c.job_id, j.job_name, j.error_message,
       to_char(c.created_at, 'YYYY-MM-DD HH24:MI:SS'), c.attempts
from claimed c
left join etl_jobs j on j.id = c.job_id
order by c.id

-- name: delivered
update etl_alerts set delivered_at = now(), last_error = null
where id = any ($1::bigint[]) and delivered_at is null

-- name: failed
update etl_alerts set deliver_after = now() + $2::bigint * interval '1 millisecond', last_error = $3
where id = any ($1::bigint[]) and delivered_at is null
