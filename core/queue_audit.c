#include "core/queue_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number_text.h"
#include "core/queue_script.h"

enum { PAGE_IDS = 200, PAGE_KEYS = 100 };

/* What a key of this layout is, by its name after the prefix; ready and bell are followed by a queue. */
#define TYPES                                                                                                          \
    "local types = {jobs = 'hash', owners = 'hash', leases = 'zset', delayed = 'zset', expired = 'set', ready = "      \
    "'zset', "                                                                                                         \
    "  bell = 'list', workers = 'zset', ['workers:text'] = 'hash', epoch = 'string', "                                 \
    "  paused = 'set'} "                                                                                               \
    "local function fits(key, name) "                                                                                  \
    "  local is = redis.call('TYPE', key).ok return is == 'none' or is == types[name] "                                \
    "end "

static const char *const fault_names[QUEUE_FAULT_COUNT] = {
    [QUEUE_FAULT_ABSENT] = "queued, but not in Redis",
    [QUEUE_FAULT_MISPLACED] = "on another queue or rank than the ledger's",
    [QUEUE_FAULT_UNINDEXED] = "without an entry in jobs",
    [QUEUE_FAULT_TWICE] = "in several places at once",
    [QUEUE_FAULT_EARLY] = "ready, but not due yet",
    [QUEUE_FAULT_LATE] = "delayed, but due",
    [QUEUE_FAULT_FINISHED] = "in Redis, but finished",
    [QUEUE_FAULT_UNKNOWN] = "unknown ids and keys",
    [QUEUE_FAULT_UNLEASED] = "running without a lease",
    [QUEUE_FAULT_ENDLESS] = "leases without end",
    [QUEUE_FAULT_OWNER] = "owners without a lease",
    [QUEUE_FAULT_EXPIRED] = "leftovers in expired",
};

static const char *const part_names[QUEUE_PART_COUNT + 1] = {
    [QUEUE_PART_JOBS] = "jobs",     [QUEUE_PART_LEASES] = "leases",   [QUEUE_PART_DELAYED] = "delayed",
    [QUEUE_PART_OWNERS] = "owners", [QUEUE_PART_EXPIRED] = "expired", [QUEUE_PART_READY] = "ready",
    [QUEUE_PART_COUNT] = "ledger",
};

const char *
queue_fault_name(enum queue_fault fault)
{
    return fault_names[fault];
}

/* ---- settling ---------------------------------------------------------------------------------------------- */

/* ARGV: whether to repair, the lease in ms, the part and queue where the ids were found; then five for each id: the id,
 * what the ledger wants (queued, running, nothing, unknown), queue, rank, delay. Faults are counted by their number in
 * enum queue_fault, from 1 on. */
static struct redis_script settle_script = {
    "settle",
    QUEUE_SCRIPT_PRELUDE TYPES
    "local repair, lease_ms, part, seen = ARGV[1] == '1', tonumber(ARGV[2]), ARGV[3], ARGV[4] "
    "local ABSENT, MISPLACED, UNINDEXED, TWICE, EARLY, LATE = 1, 2, 3, 4, 5, 6 "
    "local FINISHED, UNKNOWN, UNLEASED, ENDLESS, OWNER, EXPIRED = 7, 8, 9, 10, 11, 12 "
    "local found = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} "
    "local function fault(kind) found[kind] = found[kind] + 1 return repair end "
    "local function call(...) return redis.call(...) end "
    "local checked = {} "
    "local function check(name, queue) "
    "  local key = p..':'..name..':'..queue "
    "  if not checked[key] and not fits(key, name) and fault(UNKNOWN) then call('UNLINK', key) end "
    "  checked[key] = true "
    "end "
    /* What Redis has of an id. */
    "local function look(id, queue) "
    "  local at = {value = call('HGET', p..':jobs', id), lease = tonumber(call('ZSCORE', p..':leases', id) or nil), "
    "    due = tonumber(call('ZSCORE', p..':delayed', id) or nil), owner = call('HEXISTS', p..':owners', id) == 1, "
    "    expired = call('SISMEMBER', p..':expired', id) == 1, queues = {}, ready = 0} "
    "  local names = {[queue] = true, [seen] = true} "
    "  check('ready', queue) check('bell', queue) "
    "  if at.value then names[split(at.value)] = true end "
    "  for name in pairs(names) do "
    "    local rank = call('ZSCORE', p..':ready:'..name, id) "
    "    if rank then at.queues[name] = tonumber(rank) at.ready = at.ready + 1 end "
    "  end "
    "  at.places = at.ready + (at.due and 1 or 0) + (at.lease and 1 or 0) "
    "  return at "
    "end "
    "local function leave_ready(id, at) "
    "  for name in pairs(at.queues) do call('ZREM', p..':ready:'..name, id) end "
    "end "
    "local function place(id, queue, rank, delay, at) "
    "  leave_ready(id, at) "
    "  call('ZREM', p..':delayed', id) "
    "  if delay > 0 then "
    "    call('HSET', p..':jobs', id, queue..' '..rank) call('ZADD', p..':delayed', now + delay, id) "
    "  else ready(id, queue, rank) ring(queue, 1) end "
    "end "
    /* Where a leased job may be besides, and what its entry says. */
    "local function settle_leased(id, queue, rank, at) "
    "  if at.lease > now + 2 * lease_ms and fault(ENDLESS) then call('ZADD', p..':leases', now + lease_ms, id) end "
    "  if at.places > 1 and fault(TWICE) then leave_ready(id, at) call('ZREM', p..':delayed', id) end "
    "  if at.expired and fault(EXPIRED) then call('SREM', p..':expired', id) end "
    "  if at.value ~= queue..' '..rank and fault(at.value and MISPLACED or UNINDEXED) then "
    "    call('HSET', p..':jobs', id, queue..' '..rank) "
    "  end "
    "end "
    "local function wrong(id, queue, rank, delay, at) "
    "  if at.places == 0 then return ABSENT end "
    "  if at.places > 1 then return TWICE end "
    "  if not at.value then return UNINDEXED end "
    "  if at.value ~= queue..' '..rank or (at.ready == 1 and at.queues[queue] ~= tonumber(rank)) then "
    "    return MISPLACED end "
    "  if at.ready == 1 and delay > lease_ms then return EARLY end "
    "  if at.due and at.due > now + delay + lease_ms then return LATE end "
    "end "
    "local function settle_queued(id, queue, rank, delay, at) "
    "  local kind = wrong(id, queue, rank, delay, at) "
    "  if kind and fault(kind) then place(id, queue, rank, delay, at) "
    "  elseif repair and at.due and delay == 0 and at.due <= now + lease_ms then place(id, queue, rank, 0, at) end "
    "  if at.expired and at.ready == 0 and fault(EXPIRED) then call('SREM', p..':expired', id) end "
    "end "
    "local function settle(id, want, queue, rank, delay) "
    "  local at = look(id, queue) "
    "  local astray = part == 'ready' and not (at.value and split(at.value) == seen) and (at.value or queue ~= seen) "
    "  if not repair and not astray and ((part ~= 'jobs' and part ~= 'ledger' and at.value) or "
    "    ((part == 'delayed' or part == 'owners' or part == 'expired' or part == 'ready') and at.lease) or "
    "    ((part == 'owners' or part == 'expired' or part == 'ready') and at.due)) then return end "
    "  if want == 'nothing' or want == 'unknown' then "
    "    if (at.value or at.places > 0 or at.owner or at.expired) and "
    "      fault(want == 'nothing' and FINISHED or UNKNOWN) then leave_ready(id, at) forget(id) end "
    "    return "
    "  end "
    "  if at.owner and not at.lease and fault(OWNER) then call('HDEL', p..':owners', id) end "
    "  if at.lease then settle_leased(id, queue, rank, at) "
    "  elseif want == 'running' then found[UNLEASED] = found[UNLEASED] + 1 "
    "  else settle_queued(id, queue, rank, delay, at) end "
    "end "
    "for i = 5, #ARGV, 5 do settle(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4])) end "
    "return found ",
    ""};

static enum error_code
add_faults(struct queue_audit *audit, const struct redis_reply *reply, const struct redis_script *script,
           struct error *error)
{
    if (reply->type != REDIS_LIST || reply->count != QUEUE_FAULT_COUNT)
        return queue_script_unexpected(script, error);
    for (size_t i = 0; i < QUEUE_FAULT_COUNT; i++)
        audit->faults[i] += reply->parts[i].integer;
    return ERROR_NONE;
}

enum error_code
queue_audit_settle(struct queue_audit *audit, enum queue_part part, const char *queue, const struct queue_truth *truths,
                   size_t count, struct error *error)
{
    enum { BEFORE = 5, WORDS = 5, NUMBERS = 3 };
    static const char *const wants[] = {"nothing", "unknown", "queued", "running"};
    static struct number_text numbers[QUEUE_BATCH_MAX][NUMBERS];
    static const char *words[BEFORE + QUEUE_BATCH_MAX * WORDS];
    _Static_assert(sizeof(words) / sizeof(words[0]) <= QUEUE_SCRIPT_WORDS_MAX, "a full batch is one call");
    struct number_text lease;
    struct redis_reply reply;
    if (count > QUEUE_BATCH_MAX)
        return error_set(error, ERROR_BUG, "%zu jobs settled at once, at most %d go", count, QUEUE_BATCH_MAX);
    words[1] = audit->repair ? "1" : "0";
    words[2] = number_text(&lease, audit->lease_ms);
    words[3] = part_names[part];
    words[4] = queue ? queue : "";
    for (size_t i = 0; i < count; i++) {
        const char **word = &words[BEFORE + i * WORDS];
        word[0] = number_text(&numbers[i][0], truths[i].job_id);
        word[1] = wants[truths[i].want];
        word[2] = truths[i].queue;
        word[3] = number_text(&numbers[i][1], queue_rank(truths[i].priority, truths[i].job_id));
        word[4] = number_text(&numbers[i][2], truths[i].delay_ms);
    }
    if (!count)
        return ERROR_NONE;
    if (queue_script_run(audit->client, &settle_script, (int)(BEFORE + count * WORDS), words, &reply, error))
        return error->code;
    enum error_code code = add_faults(audit, &reply, &settle_script, error);
    redis_reply_free(&reply);
    return code;
}

/* ---- types ------------------------------------------------------------------------------------------------- */

static struct redis_script types_script = {"types",
                                           QUEUE_SCRIPT_PRELUDE TYPES
                                           "local found = 0 "
                                           "for name in pairs(types) do "
                                           "  local key = p..':'..name "
                                           "  if name ~= 'ready' and name ~= 'bell' and not fits(key, name) then "
                                           "    found = found + 1 "
                                           "    if ARGV[1] == '1' then redis.call('UNLINK', key) end "
                                           "  end "
                                           "end "
                                           "return found ",
                                           ""};

enum error_code
queue_audit_types(struct queue_audit *audit, struct error *error)
{
    struct redis_reply reply;
    const char *words[] = {NULL, audit->repair ? "1" : "0"};
    if (queue_script_run(audit->client, &types_script, 2, words, &reply, error))
        return error->code;
    audit->faults[QUEUE_FAULT_UNKNOWN] += reply.integer;
    redis_reply_free(&reply);
    return ERROR_NONE;
}

/* ---- pages ------------------------------------------------------------------------------------------------- */

/* ARGV: whether to repair, the part, the queue, the cursor, how many. Returns the next cursor, how many were no ids,
 * and the ids. */
static struct redis_script page_script = {
    "page",
    QUEUE_SCRIPT_PRELUDE
    "local scans = {jobs = 'HSCAN', owners = 'HSCAN', leases = 'ZSCAN', delayed = 'ZSCAN', ready = 'ZSCAN', "
    "  expired = 'SSCAN'} "
    "local removes = {HSCAN = 'HDEL', ZSCAN = 'ZREM', SSCAN = 'SREM'} "
    "local part, scan = ARGV[2], scans[ARGV[2]] "
    "local key = p..':'..part..(part == 'ready' and ':'..ARGV[3] or '') "
    "local page = redis.call(scan, key, ARGV[4], 'COUNT', ARGV[5]) "
    "local found, garbage = {page[1], 0}, {} "
    "for i = 1, #page[2], scan == 'SSCAN' and 1 or 2 do "
    "  local id = page[2][i] "
    "  if string.match(id, '^[1-9]%d*$') and #id <= 18 then found[#found + 1] = id "
    "  else garbage[#garbage + 1] = id end "
    "end "
    "found[2] = #garbage "
    "if ARGV[1] == '1' then "
    "  for _, id in ipairs(garbage) do redis.call(removes[scan], key, id) end "
    "end "
    "return found ",
    ""};

/* The head of a page's reply: the cursor and how many things were removed. */
static enum error_code
take_head(struct queue_audit *audit, const struct redis_script *script, const struct redis_reply *reply,
          uint64_t *cursor, struct error *error)
{
    if (reply->type != REDIS_LIST || reply->count < 2 || !reply->parts[0].text)
        return queue_script_unexpected(script, error);
    *cursor = strtoull(reply->parts[0].text, NULL, 10);
    audit->faults[QUEUE_FAULT_UNKNOWN] += reply->parts[1].integer;
    return ERROR_NONE;
}

enum error_code
queue_audit_page(struct queue_audit *audit, enum queue_part part, const char *queue, uint64_t *cursor, int64_t *job_ids,
                 size_t *count, struct error *error)
{
    char position[24];
    struct number_text size;
    struct redis_reply reply;
    (void)snprintf(position, sizeof(position), "%" PRIu64, *cursor);
    const char *words[] = {NULL,     audit->repair ? "1" : "0",   part_names[part], queue ? queue : "",
                           position, number_text(&size, PAGE_IDS)};
    *count = 0;
    if (queue_script_run(audit->client, &page_script, 6, words, &reply, error))
        return error->code;
    enum error_code code = take_head(audit, &page_script, &reply, cursor, error);
    for (size_t i = 2; !code && i < reply.count && *count < QUEUE_BATCH_MAX; i++)
        job_ids[(*count)++] = strtoll(reply.parts[i].text, NULL, 10);
    redis_reply_free(&reply);
    return code;
}

/* ARGV: whether to repair, the cursor, how many, the longest name of a queue. Returns the next cursor, how many keys
 * were none of this layout, and the queues of ready sets. */
static struct redis_script keys_script = {
    "keys",
    QUEUE_SCRIPT_PRELUDE TYPES
    "local page = redis.call('SCAN', ARGV[2], 'MATCH', p..':*', 'COUNT', ARGV[3]) "
    "local found, garbage = {page[1], 0}, {} "
    "for _, key in ipairs(page[2]) do "
    "  local name = string.sub(key, #p + 2) "
    "  local kind, queue = string.match(name, '^(%a+):(.*)$') "
    "  if kind ~= 'ready' and kind ~= 'bell' then kind, queue = name, nil end "
    "  if types[kind] and (not fits(key, kind) or (queue and (queue == '' or #queue >= tonumber(ARGV[4]) or "
    "    string.find(queue, '[%s,]')))) then garbage[#garbage + 1] = key "
    "  elseif kind == 'ready' then found[#found + 1] = queue end "
    "end "
    "found[2] = #garbage "
    "if ARGV[1] == '1' then "
    "  for _, key in ipairs(garbage) do redis.call('UNLINK', key) end "
    "end "
    "return found ",
    ""};

enum error_code
queue_audit_keys(struct queue_audit *audit, uint64_t *cursor, char (*queues)[QUEUE_NAME_BYTES], size_t most,
                 size_t *count, struct error *error)
{
    char position[24];
    struct number_text size, longest;
    struct redis_reply reply;
    (void)snprintf(position, sizeof(position), "%" PRIu64, *cursor);
    const char *words[] = {NULL, audit->repair ? "1" : "0", position, number_text(&size, PAGE_KEYS),
                           number_text(&longest, QUEUE_NAME_BYTES)};
    *count = 0;
    if (queue_script_run(audit->client, &keys_script, 5, words, &reply, error))
        return error->code;
    enum error_code code = take_head(audit, &keys_script, &reply, cursor, error);
    for (size_t i = 2; !code && i < reply.count && *count < most; i++)
        (void)snprintf(queues[(*count)++], QUEUE_NAME_BYTES, "%s", reply.parts[i].text);
    redis_reply_free(&reply);
    return code;
}
