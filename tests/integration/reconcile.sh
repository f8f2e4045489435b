#!/usr/bin/env bash
# Every way in which Redis can disagree with the ledger, made by hand: `tapemill doctor` tells each, a scheduler repairs
# it. Then Redis is shuffled at random while jobs run: each has one effect.
source "$(dirname "${BASH_SOURCE[0]}")/../support/servers.sh"
servers_up
export TAPEMILL_LEASE_SECONDS=2 TAPEMILL_HEARTBEAT_MS=200 TAPEMILL_SCHEDULER_TICK_MS=50 TAPEMILL_RECONCILE_SECONDS=1
export TAPEMILL_RETRY_BASE_SECONDS=0
tapemill migrate >/dev/null
seed=${TAPEMILL_TEST_SEED:-$RANDOM}
rounds=${TAPEMILL_TEST_LONG:+200}
rounds=${rounds:-25}

p="{$TAPEMILL_NAMESPACE}"
redis() {
    redis_command "$@" >/dev/null
}
probe() {
    JOB=$(tapemill enqueue probe --arg mark=true --json "$@" | sed -n 's/.*"job_ids": \[\([0-9]*\)].*/\1/p')
    [ -n "$JOB" ] || fail "tapemill enqueue probe $* gave no id"
}
doctor() {
    tapemill doctor --json 2>/dev/null | tr -d '\n' || true
}
in_a_year=$((($(date +%s) + 31536000) * 1000))
rank_of() {
    echo $(((9 - 5) * 1000000000000 + $1))
}
run_of() { # a run of the job that its worker has left behind
    sql warehouse "
        update etl_jobs set state = 'running', claimed_by = 'gone:1/2', fence = fence + 1, started_at = now() where id = $1;
        insert into etl_job_runs (job_id, job_name, job_type, status, attempt, fence, worker)
        select id, job_name, job_type, 'RUNNING', 1, fence, claimed_by from etl_jobs where id = $1"
}
# forms of loss: what is done to a job that is ready
lose() {
    redis zrem "$p:ready:live" "$1"
    redis hdel "$p:jobs" "$1"
}

# ---- each kind -----------------------------------------------------------------------------------------------------

declare -A job
for kind in lost unplaced unindexed queue rank twice two_queues late endless owner expired running malformed early \
    finished_ready finished_delayed finished_leased sound; do
    [ $kind = early ] && probe --delay 3600 || probe
    job[$kind]=$JOB
done
lose "${job[lost]}"
redis zrem "$p:ready:live" "${job[unplaced]}"
redis hdel "$p:jobs" "${job[unindexed]}"
redis zrem "$p:ready:live" "${job[queue]}"
redis zadd "$p:ready:batch" "$(rank_of "${job[queue]}")" "${job[queue]}"
redis hset "$p:jobs" "${job[queue]}" "batch $(rank_of "${job[queue]}")"
redis zadd "$p:ready:live" 1 "${job[rank]}"
redis zadd "$p:delayed" "$in_a_year" "${job[twice]}"
redis zadd "$p:ready:elsewhere" 5 "${job[two_queues]}"
redis zrem "$p:ready:live" "${job[late]}"
redis zadd "$p:delayed" "$in_a_year" "${job[late]}"
redis zrem "$p:ready:live" "${job[endless]}"
redis zadd "$p:leases" "$in_a_year" "${job[endless]}"
redis hset "$p:owners" "${job[endless]}" nobody
redis hset "$p:owners" "${job[owner]}" nobody
redis zrem "$p:ready:live" "${job[expired]}"
redis sadd "$p:expired" "${job[expired]}"
lose "${job[running]}"
run_of "${job[running]}"
redis hset "$p:jobs" "${job[malformed]}" nonsense
redis zrem "$p:delayed" "${job[early]}"
redis zadd "$p:ready:live" "$(rank_of "${job[early]}")" "${job[early]}"
for place in finished_ready finished_delayed finished_leased; do
    redis zrem "$p:ready:live" "${job[$place]}"
done
redis zadd "$p:ready:live" "$(rank_of "${job[finished_ready]}")" "${job[finished_ready]}"
redis zadd "$p:delayed" "$in_a_year" "${job[finished_delayed]}"
redis zadd "$p:leases" "$in_a_year" "${job[finished_leased]}"
redis hset "$p:owners" "${job[finished_leased]}" nobody
sql warehouse "update etl_jobs set state = 'done', finished_at = now() - interval '1 minute'
               where id in (${job[finished_ready]}, ${job[finished_delayed]}, ${job[finished_leased]})"
redis zadd "$p:ready:elsewhere" 1 987654
redis zadd "$p:delayed" 1 987655 "$in_a_year" nonsense
redis hset "$p:jobs" 987656 'live 1' nonsense 'live 1'
redis zadd "$p:leases" 1 987657
redis hset "$p:owners" 987658 nobody
redis sadd "$p:expired" 987659 nonsense
redis set "$p:bell:live" nonsense
redis zadd "$p:ready:no queue" 1 1
sql warehouse "update etl_jobs set queued_at = queued_at - interval '1 minute', started_at = started_at - interval '1 minute'"

before=$(sql warehouse 'select md5(string_agg(j::text, chr(10) order by id)) from etl_jobs j')$(redis_command debug digest)
said=$(doctor)
for part in 'of 14 queued jobs looked at, queued, but not in Redis: 3' 'on another queue or rank than the ledger.s: 3' \
    'without an entry in jobs: 1' 'in several places at once: [12]' 'ready, but not due yet: 1' 'delayed, but due: 1' \
    'leases without end: 1' 'owners without a lease: 1' 'leftovers in expired: 1' 'running without a lease: 1' \
    'in Redis, but finished: 3' 'unknown ids and keys: 1[0-9]' 'the leading scheduler repairs this'; do
    grep -q -- "$part" <<<"$said" || fail "doctor does not say <$part>: $said"
done
assert_equal "$before" \
    "$(sql warehouse 'select md5(string_agg(j::text, chr(10) order by id)) from etl_jobs j')$(redis_command debug digest)" \
    "ledger and Redis after doctor, which changes nothing"

start_scheduler
scheduler=$STARTED_PID
# Redis holds what the ledger has as queued, on its queues, and no more.
redis_agrees() {
    local expected
    expected=$(sql warehouse "select count(*), count(*) filter (where queue = 'live' and run_after <= now()),
        count(*) filter (where queue = 'batch' and run_after <= now()), count(*) filter (where run_after > now())
        from etl_jobs where state in ('queued', 'retry')")
    sql_is warehouse "select count(*) from etl_jobs where state = 'running'" 0 || return
    redis_command --raw eval "
        local p, found = KEYS[1], {}
        local function size(command, key) found[#found + 1] = redis.call(command, p..':'..key) end
        size('HLEN', 'jobs') size('ZCARD', 'ready:live') size('ZCARD', 'ready:batch') size('ZCARD', 'delayed')
        local wrong = ''
        for _, key in ipairs({'leases', 'owners', 'ready:elsewhere', 'ready:backfill', 'ready:no queue'}) do
            if redis.call('EXISTS', p..':'..key) == 1 then wrong = wrong..' '..key end
        end
        for _, id in ipairs(redis.call('SMEMBERS', p..':expired')) do
            local entry = redis.call('HGET', p..':jobs', id) or ' '
            local queue = string.match(entry, '^(%S*) ')
            if not redis.call('ZSCORE', p..':ready:'..queue, id) then wrong = wrong..' expired '..id end
        end
        return table.concat(found, '|')..wrong" 1 "$p" >"$TEST_DIR/redis"
    [ "$(cat "$TEST_DIR/redis")" = "$expected" ] || {
        echo "Redis has $(cat "$TEST_DIR/redis"), not $expected"
        return 1
    }
}
is_settled() {
    local id
    for id in lost unplaced unindexed queue rank twice two_queues late endless owner expired running malformed sound; do
        id=${job[$id]}
        [ "$(redis_command zscore "$p:ready:live" "$id")" = "$(rank_of "$id")" ] &&
            [ "$(redis_command hget "$p:jobs" "$id")" = "live $(rank_of "$id")" ] || {
            echo "job $id is not ready on its queue"
            return 1
        }
    done
    redis_agrees
}
wait_until 60 "everything is where it belongs" is_settled || fail "not all is repaired"
said=$(doctor)
for part in 'Redis has the jobs that wait for a worker' 'every running job holds its lease' \
    'all that it has of jobs the ledger has too'; do
    assert_contains "$said" "$part" "doctor after the repair"
done
grep -q 'level=info.*repaired Redis from the ledger.*was="in Redis, but finished"' "$STARTED_LOG" ||
    fail "the scheduler does not say what it repaired: $(cat "$STARTED_LOG")"

# Each key of another type, one after the other.
for key in jobs owners leases delayed expired epoch ready:live; do
    redis del "$p:$key"
    [ $key = epoch ] && redis lpush "$p:$key" nonsense || redis set "$p:$key" nonsense
    wait_until 60 "Redis is right again after $key was of another type" is_settled || fail "$key stays of another type"
done
echo "each kind"

start_worker -- --queues live
worker=$STARTED_PID
finished_by_hand="${job[finished_ready]}, ${job[finished_delayed]}, ${job[finished_leased]}"
wait_until_sql 60 "all but the delayed one end" warehouse "select count(*) from etl_jobs where job_name = 'probe' and state <> 'done'" 1
assert_equal "14|14" "$(sql warehouse "select count(*), count(distinct job_id) from etl_probes
    where job_id not in ($finished_by_hand)")" "effects"
tapemill cancel "${job[early]}" >/dev/null

# ---- at random -----------------------------------------------------------------------------------------------------

echo "seed $seed, $rounds rounds"
start_worker -- --queues live
cat >"$TEST_DIR/shuffle.lua" <<'LUA'
math.randomseed(tonumber(ARGV[1]))
local p, far = KEYS[1], tonumber(redis.call('TIME')[1]) * 1000 + 86400000
local function any(list) return list[math.random(#list)] end
local queues = {'live', 'batch', 'backfill', 'elsewhere'}
local done = {
    function(id) redis.call('HDEL', p..':jobs', id) end,
    function(id) for _, queue in ipairs(queues) do redis.call('ZREM', p..':ready:'..queue, id) end end,
    function(id) redis.call('ZADD', p..':ready:'..any(queues), math.random(1000), id) end,
    function(id) redis.call('HSET', p..':jobs', id, any({'nonsense', 'live 7', 'elsewhere 7', '', 'batch x'})) end,
    function(id) redis.call('ZADD', p..':delayed', any({1, far}), id) end,
    function(id) redis.call('ZADD', p..':leases', any({1, far}), id) end,
    function(id) redis.call('HSET', p..':owners', id, 'nobody') end,
    function(id) redis.call('HDEL', p..':owners', id) end,
    function(id) redis.call('SADD', p..':expired', id) end,
    function(id) redis.call('ZREM', p..':leases', id) end,
}
local function key() return p..':'..any({'jobs', 'owners', 'leases', 'delayed', 'expired', 'epoch', 'ready:live', 'bell:live'}) end
for id = tonumber(ARGV[2]), tonumber(ARGV[3]) do
    if math.random(4) == 1 then any(done)(id) end
end
for _ = 1, 5 do any(done)(any({'nonsense', '0', '-5', '99999999', '123456789012345678901234567890'})) end
if math.random(3) == 1 then redis.call('DEL', key()) end
if math.random(4) == 1 then
    local name = key()
    redis.call('DEL', name)
    redis.call(any({'SET', 'SADD'}), unpack({name, 'nonsense'}))
end
if math.random(12) == 1 then redis.call('FLUSHALL') end
LUA
first=$(($(sql warehouse 'select max(id) from etl_jobs') + 1))
for number in $(seq 60); do
    probe --arg seconds=0.$((number % 4))
done
last=$JOB
for round in $(seq "$rounds"); do
    redis_command --eval "$TEST_DIR/shuffle.lua" "$p" , $((seed + round)) "$first" "$last" >"$TEST_DIR/shuffled" 2>&1
    ! grep -qi err "$TEST_DIR/shuffled" || fail "the shuffle itself fails: $(cat "$TEST_DIR/shuffled")"
    sleep 0.2 # not for readiness: so that the disorder falls on jobs at every stage
done
wait_until_sql 240 "every job is done (seed $seed)" warehouse \
    "select coalesce(string_agg(distinct state, ' '), '') from etl_jobs where id between $first and $last" 'done'
assert_equal '60|60' "$(sql warehouse "select count(*), count(distinct job_id) from etl_probes
    where job_id between $first and $last")" "effects, one of each job (seed $seed)"
assert_equal 0 "$(sql warehouse "select count(*) from (select job_id from etl_job_runs where status = 'COMPLETED'
    group by job_id having count(*) > 1) twice")" "jobs completed twice (seed $seed)"
wait_until 60 "Redis forgets all of them" redis_agrees || fail "Redis keeps jobs that are finished (seed $seed)"
stop_process "$scheduler"
stop_process "$worker"
echo "at random"
