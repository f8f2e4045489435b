#include "core/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/history.h"
#include "core/mutant.h"
#include "core/number_text.h"
#include "core/queue_script.h"

enum { RANK_STEP_DIGITS = 12 };

#define PRELUDE QUEUE_SCRIPT_PRELUDE

static struct redis_script put_script = {
    "put",
    PRELUDE "local added = 0 "
            "for i = 1, #ARGV, 4 do "
            "  local id, queue, rank, delay = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]) "
            "  local was = state(id) "
            "  if was == 0 then "
            "    added = added + 1 "
            "    if delay > 0 then "
            "      redis.call('HSET', p..':jobs', id, queue..' '..rank) "
            "      redis.call('ZADD', p..':delayed', now + delay, id) "
            "    else ready(id, queue, rank) ring(queue, 1) end "
            "  elseif was == 3 and delay == 0 then "
            "    redis.call('ZREM', p..':delayed', id) ready(id, queue, rank) ring(queue, 1) "
            "  end "
            "end "
            "return added ",
    ""};

static struct redis_script reserve_script = {
    "reserve",
    PRELUDE "if ARGV[4] ~= '' and redis.call('HGET', p..':owners', ARGV[3]) == ARGV[4] then forget(ARGV[3]) end "
            "for i = 5, #ARGV do "
            "  local queue = ARGV[i] "
            "  local open = redis.call('SISMEMBER', p..':paused', queue) == 0 "
            "  local popped = open and redis.call('ZPOPMIN', p..':ready:'..queue) or {} "
            "  if popped[1] then "
            "    local id = popped[1] "
            "    redis.call('ZADD', p..':leases', now + ARGV[2], id) "
            "    redis.call('HSET', p..':owners', id, ARGV[1]) "
            "    return {id, queue, popped[2], redis.call('SREM', p..':expired', id)} "
            "  end "
            "  redis.call('DEL', p..':bell:'..queue) "
            "end "
            "return false ",
    ""};

static struct redis_script touch_script = {"touch",
                                           PRELUDE
                                           "local id, queue, rank, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4] "
                                           "local owner = redis.call('HGET', p..':owners', id) "
                                           "if redis.call('EXISTS', p..':cancel:'..token) == 1 then return 2 end "
                                           "if owner and owner ~= token then return 0 end "
                                           "if not owner then "
                                           "  forget(id) "
                                           "  redis.call('HSET', p..':jobs', id, queue..' '..rank) "
                                           "  redis.call('HSET', p..':owners', id, token) "
                                           "end "
                                           "redis.call('ZADD', p..':leases', now + ARGV[5], id) "
                                           "return 1 ",
                                           ""};

static struct redis_script acknowledge_script = {
    "acknowledge",
    PRELUDE "if redis.call('HGET', p..':owners', ARGV[1]) ~= ARGV[2] then return 0 end "
            "forget(ARGV[1]) "
            "return 1 ",
    ""};

static struct redis_script release_script = {
    "release",
    PRELUDE "local id, queue, rank, token, delay = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]) "
            "if redis.call('HGET', p..':owners', id) ~= token and state(id) ~= 0 then return 0 end "
            "forget(id) "
            "if delay > 0 then "
            "  redis.call('HSET', p..':jobs', id, queue..' '..rank) "
            "  redis.call('ZADD', p..':delayed', now + delay, id) "
            "else ready(id, queue, rank) ring(queue, 1) end "
            "return 1 ",
    ""};

static struct redis_script forget_script = {"forget",
                                            PRELUDE "for i = 1, #ARGV do forget(ARGV[i]) end "
                                                    "return #ARGV ",
                                            ""};

static struct redis_script sweep_script = {
    "sweep",
    PRELUDE "local rings = {} "
            "local function back(from, limit) "
            "  local ids = redis.call('ZRANGEBYSCORE', p..from, '-inf', now, 'LIMIT', 0, limit) "
            "  for _, id in ipairs(ids) do "
            "    redis.call('ZREM', p..from, id) "
            "    redis.call('HDEL', p..':owners', id) "
            "    local value = redis.call('HGET', p..':jobs', id) "
            "    if value then "
            "      local queue, rank = split(value) "
            "      ready(id, queue, rank) "
            "      if from == ':leases' then redis.call('SADD', p..':expired', id) end "
            "      rings[queue] = (rings[queue] or 0) + 1 "
            "    end "
            "  end "
            "  return #ids "
            "end "
            "local promoted, expired = back(':delayed', ARGV[1]), back(':leases', ARGV[2]) "
            "for queue, times in pairs(rings) do ring(queue, times) end "
            "return {promoted, expired} ",
    ""};

static struct redis_script presence_script = {"presence",
                                              PRELUDE "local found = {} "
                                                      "for i = 1, #ARGV do found[i] = state(ARGV[i]) end "
                                                      "return found ",
                                              ""};

static struct redis_script depths_script = {
    "depths",
    PRELUDE "local found = {redis.call('ZCARD', p..':delayed'), redis.call('ZCARD', p..':leases')} "
            "for i = 1, #ARGV do found[i + 2] = redis.call('ZCARD', p..':ready:'..ARGV[i]) end "
            "return found ",
    ""};

static struct redis_script announce_script = {
    "announce",
    PRELUDE "redis.call('ZADD', p..':workers', now + ARGV[3], ARGV[1]) "
            "redis.call('HSET', p..':workers:text', ARGV[1], ARGV[2]) "
            "local gone = redis.call('ZRANGEBYSCORE', p..':workers', '-inf', now, 'LIMIT', 0, 100) "
            "for _, name in ipairs(gone) do "
            "  redis.call('ZREM', p..':workers', name) redis.call('HDEL', p..':workers:text', name) "
            "end "
            "return 1 ",
    ""};

static struct redis_script workers_script = {
    "workers",
    PRELUDE "local found = {} "
            "for _, name in ipairs(redis.call('ZRANGEBYSCORE', p..':workers', now, '+inf', 'LIMIT', 0, ARGV[1])) do "
            "  found[#found + 1] = name "
            "  found[#found + 1] = redis.call('HGET', p..':workers:text', name) or '' "
            "end "
            "return found ",
    ""};

/* ---- calling ----------------------------------------------------------------------------------------------- */

static const char *
prefix(void)
{
    static char text[256];
    if (!text[0])
        (void)snprintf(text, sizeof(text), "{%s}", config_text(CONFIG_NAMESPACE));
    return text;
}

enum error_code
queue_script_run(struct redis_client *client, struct redis_script *script, int count, const char **words,
                 struct redis_reply *reply, struct error *error)
{
    if (count > QUEUE_SCRIPT_WORDS_MAX)
        return error_set(error, ERROR_BUG, "%d words for the script %s, at most %d go", count, script->name,
                         QUEUE_SCRIPT_WORDS_MAX);
    words[0] = prefix();
    return redis_eval(client, script, 1, count, words, reply, error);
}

enum error_code
queue_script_run_ids(struct redis_client *client, struct redis_script *script, const char *first,
                     const int64_t *job_ids, size_t count, struct redis_reply *reply, struct error *error)
{
    struct number_text numbers[QUEUE_BATCH_MAX];
    const char *words[QUEUE_BATCH_MAX + 2] = {NULL, first};
    size_t used = first ? 2 : 1;
    if (count > QUEUE_BATCH_MAX)
        return error_set(error, ERROR_BUG, "%zu ids for the script %s, at most %d go", count, script->name,
                         QUEUE_BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        words[used++] = number_text(&numbers[i], job_ids[i]);
    return queue_script_run(client, script, (int)used, words, reply, error);
}

int64_t
queue_rank(int priority, int64_t job_id)
{
    int64_t step = 1;
    for (int i = 0; i < RANK_STEP_DIGITS; i++)
        step *= 10;
    return (QUEUE_PRIORITY_MAX - priority) * step + job_id;
}

enum error_code
queue_script_unexpected(const struct redis_script *script, struct error *error)
{
    return error_set(error, ERROR_REDIS, "Redis answered the script %s in a form that was not expected", script->name);
}

/* ---- verbs ------------------------------------------------------------------------------------------------- */

enum error_code
queue_put(struct redis_client *client, const struct queue_entry *entries, size_t count, size_t *added,
          struct error *error)
{
    enum { WORDS = 4, NUMBERS = 3 };
    struct number_text numbers[QUEUE_BATCH_MAX][NUMBERS];
    const char *words[QUEUE_BATCH_MAX * WORDS + 1];
    _Static_assert(sizeof(words) / sizeof(words[0]) <= QUEUE_SCRIPT_WORDS_MAX, "a full batch is one call");
    struct redis_reply reply;
    if (count > QUEUE_BATCH_MAX)
        return error_set(error, ERROR_BUG, "%zu jobs put at once, at most %d go", count, QUEUE_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        const char **word = &words[1 + i * WORDS];
        word[0] = number_text(&numbers[i][0], entries[i].job_id);
        word[1] = entries[i].queue;
        word[2] = number_text(&numbers[i][1], queue_rank(entries[i].priority, entries[i].job_id));
        word[3] = number_text(&numbers[i][2], entries[i].delay_ms);
    }
    if (queue_script_run(client, &put_script, (int)(count * WORDS) + 1, words, &reply, error))
        return error->code;
    if (added)
        *added = (size_t)reply.integer;
    redis_reply_free(&reply);
    return ERROR_NONE;
}

enum error_code
queue_reserve(struct redis_client *client, const char *const *queues, size_t count, const char *token, int64_t lease_ms,
              const struct queue_claim *finished, struct queue_claim *claim, struct error *error)
{
    enum { QUEUES_MAX = 32, WORDS = 5 };
    struct number_text lease, finished_id;
    char finished_token[QUEUE_TOKEN_BYTES];
    const char *words[QUEUES_MAX + WORDS];
    struct redis_reply reply;
    (void)snprintf(finished_token, sizeof(finished_token), "%s", finished ? finished->token : "");
    words[3] = number_text(&finished_id, finished ? finished->job_id : 0);
    words[4] = finished_token;
    if (finished)
        history_note(HISTORY_ACKNOWLEDGING, finished->job_id, 0);
    *claim = (struct queue_claim){0};
    if (count > QUEUES_MAX)
        return error_set(error, ERROR_CONFIG, "a worker pulls at most %d queues", QUEUES_MAX);
    words[1] = token;
    words[2] = number_text(&lease, lease_ms);
    for (size_t i = 0; i < count; i++)
        words[WORDS + i] = queues[i];
    if (queue_script_run(client, &reserve_script, (int)count + WORDS, words, &reply, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    if (reply.type == REDIS_LIST && reply.count == 4 && reply.parts[0].text && reply.parts[1].text &&
        reply.parts[2].text) {
        claim->job_id = strtoll(reply.parts[0].text, NULL, 10);
        claim->rank = strtoll(reply.parts[2].text, NULL, 10);
        claim->expired = reply.parts[3].integer != 0;
        (void)snprintf(claim->queue, sizeof(claim->queue), "%s", reply.parts[1].text);
        (void)snprintf(claim->token, sizeof(claim->token), "%s", token);
        history_note(HISTORY_RESERVED, claim->job_id, claim->expired);
    } else if (reply.type != REDIS_NULL) {
        code = queue_script_unexpected(&reserve_script, error);
    }
    redis_reply_free(&reply);
    return code;
}

enum error_code
queue_wait_begin(struct redis_client *client, const char *const *queues, size_t count, int timeout_seconds,
                 struct error *error)
{
    enum { QUEUES_MAX = 32, KEY_BYTES = 384 };
    char keys[QUEUES_MAX][KEY_BYTES], timeout[16];
    const char *words[QUEUES_MAX + 2];
    if (count > QUEUES_MAX)
        return error_set(error, ERROR_CONFIG, "a worker pulls at most %d queues", QUEUES_MAX);
    words[0] = "BLPOP";
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(keys[i], KEY_BYTES, "%s:bell:%s", prefix(), queues[i]);
        words[1 + i] = keys[i];
    }
    (void)snprintf(timeout, sizeof(timeout), "%d", timeout_seconds);
    words[1 + count] = timeout;
    return redis_send(client, (int)count + 2, words, error);
}

enum error_code
queue_touch(struct redis_client *client, const struct queue_claim *claim, int64_t lease_ms,
            enum queue_lease_state *state, struct error *error)
{
    struct number_text id, rank, lease;
    struct redis_reply reply;
    const char *words[] = {NULL,         number_text(&id, claim->job_id), claim->queue, number_text(&rank, claim->rank),
                           claim->token, number_text(&lease, lease_ms)};
    if (queue_script_run(client, &touch_script, 6, words, &reply, error))
        return error->code;
    *state = reply.integer == 1 ? QUEUE_LEASE_HELD : reply.integer ? QUEUE_LEASE_CANCELLED : QUEUE_LEASE_STOLEN;
    redis_reply_free(&reply);
    return ERROR_NONE;
}

enum error_code
queue_acknowledge(struct redis_client *client, const struct queue_claim *claim, struct error *error)
{
    struct number_text id;
    const char *words[] = {NULL, number_text(&id, claim->job_id), claim->token};
    history_note(HISTORY_ACKNOWLEDGING, claim->job_id, 0);
    return queue_script_run(client, &acknowledge_script, 3, words, NULL, error);
}

enum error_code
queue_release(struct redis_client *client, const struct queue_claim *claim, int64_t delay_ms, struct error *error)
{
    struct number_text id, rank, delay;
    const char *words[] = {NULL,         number_text(&id, claim->job_id), claim->queue, number_text(&rank, claim->rank),
                           claim->token, number_text(&delay, delay_ms)};
    history_note(HISTORY_RELEASED, claim->job_id, delay_ms);
    return queue_script_run(client, &release_script, 6, words, NULL, error);
}

enum error_code
queue_forget(struct redis_client *client, const int64_t *job_ids, size_t count, struct error *error)
{
    return queue_script_run_ids(client, &forget_script, NULL, job_ids, count, NULL, error);
}

enum error_code
queue_sweep(struct redis_client *client, int limit, int64_t *promoted, int64_t *expired, struct error *error)
{
    struct number_text delayed, leased;
    struct redis_reply reply;
    const char *words[] = {NULL, number_text(&delayed, limit),
                           number_text(&leased, MUTANT("lease_never_expires") ? 0 : limit)};
    if (queue_script_run(client, &sweep_script, 3, words, &reply, error))
        return error->code;
    enum error_code code = reply.count == 2 ? ERROR_NONE : queue_script_unexpected(&sweep_script, error);
    if (!code) {
        *promoted = reply.parts[0].integer;
        *expired = reply.parts[1].integer;
    }
    redis_reply_free(&reply);
    return code;
}

enum error_code
queue_presence(struct redis_client *client, const int64_t *job_ids, size_t count, struct queue_presence *presence,
               struct error *error)
{
    struct redis_reply reply;
    if (!count)
        return ERROR_NONE;
    if (queue_script_run_ids(client, &presence_script, NULL, job_ids, count, &reply, error))
        return error->code;
    enum error_code code = reply.count == count ? ERROR_NONE : queue_script_unexpected(&presence_script, error);
    for (size_t i = 0; !code && i < count; i++)
        presence[i] = (struct queue_presence){reply.parts[i].integer != 0, reply.parts[i].integer == 2};
    redis_reply_free(&reply);
    return code;
}

enum error_code
queue_depths(struct redis_client *client, const char *const *queues, size_t count, struct queue_depth *depths,
             int64_t *delayed, int64_t *leased, struct error *error)
{
    const char *words[QUEUE_BATCH_MAX + 1];
    struct redis_reply reply;
    if (count > QUEUE_BATCH_MAX)
        return error_set(error, ERROR_BUG, "depths of %zu queues at once", count);
    for (size_t i = 0; i < count; i++)
        words[i + 1] = queues[i];
    if (queue_script_run(client, &depths_script, (int)count + 1, words, &reply, error))
        return error->code;
    enum error_code code = reply.count == count + 2 ? ERROR_NONE : queue_script_unexpected(&depths_script, error);
    if (!code) {
        *delayed = reply.parts[0].integer;
        *leased = reply.parts[1].integer;
    }
    for (size_t i = 0; !code && i < count; i++)
        depths[i].ready = reply.parts[i + 2].integer;
    redis_reply_free(&reply);
    return code;
}

enum error_code
queue_announce(struct redis_client *client, const char *worker, const char *payload, int64_t expire_ms,
               struct error *error)
{
    struct number_text expire;
    const char *words[] = {NULL, worker, payload, number_text(&expire, expire_ms)};
    return queue_script_run(client, &announce_script, 4, words, NULL, error);
}

enum error_code
queue_workers(struct redis_client *client, struct queue_worker *workers, size_t most, size_t *count,
              struct error *error)
{
    struct number_text limit;
    struct redis_reply reply;
    const char *words[] = {NULL, number_text(&limit, (int64_t)most)};
    *count = 0;
    if (queue_script_run(client, &workers_script, 2, words, &reply, error))
        return error->code;
    for (size_t i = 0; i + 1 < reply.count && *count < most; i += 2, (*count)++) {
        (void)snprintf(workers[*count].name, sizeof(workers[*count].name), "%s", reply.parts[i].text);
        (void)snprintf(workers[*count].payload, sizeof(workers[*count].payload), "%s", reply.parts[i + 1].text);
    }
    redis_reply_free(&reply);
    return ERROR_NONE;
}
