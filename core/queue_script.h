/* core/queue_script.h - Lua that the queue's verbs share, and how they call it: those of workers and commands
 * (core/queue.c), of pauses (core/queue_control.c), and those that compare and repair (core/queue_audit.c). */
#ifndef TAPEMILL_CORE_QUEUE_SCRIPT_H
#define TAPEMILL_CORE_QUEUE_SCRIPT_H

#include "core/queue.h"

/* What all scripts begin with. KEYS[1] is the prefix "{namespace}". A rank orders a queue: priority first, then the
 * job's id, so that a job that is given back keeps its place. What is no entry of the hash reads as queue "", of which
 * there is none: reconciliation removes it. */
#define QUEUE_SCRIPT_PRELUDE                                                                                           \
    "local p = KEYS[1] "                                                                                               \
    "local t = redis.call('TIME') "                                                                                    \
    "local now = t[1] * 1000 + math.floor(t[2] / 1000) "                                                               \
    "local function ring(queue, times) "                                                                               \
    "  for i = 1, math.min(times, 64) do redis.call('LPUSH', p..':bell:'..queue, '1') end "                            \
    "  redis.call('LTRIM', p..':bell:'..queue, 0, 63) "                                                                \
    "end "                                                                                                             \
    "local function split(value) "                                                                                     \
    "  local queue, rank = string.match(value, '^(%S+) (%d+)$') return queue or '', rank or '0' "                      \
    "end "                                                                                                             \
    "local function state(id) "                                                                                        \
    "  if redis.call('ZSCORE', p..':leases', id) then return 2 end "                                                   \
    "  if redis.call('ZSCORE', p..':delayed', id) then return 3 end "                                                  \
    "  local value = redis.call('HGET', p..':jobs', id) "                                                              \
    "  if value and redis.call('ZSCORE', p..':ready:'..split(value), id) then return 1 end "                           \
    "  return 0 "                                                                                                      \
    "end "                                                                                                             \
    "local function ready(id, queue, rank) "                                                                           \
    "  redis.call('HSET', p..':jobs', id, queue..' '..rank) "                                                          \
    "  redis.call('ZADD', p..':ready:'..queue, rank, id) "                                                             \
    "end "                                                                                                             \
    "local function forget(id) "                                                                                       \
    "  local value = redis.call('HGET', p..':jobs', id) "                                                              \
    "  if value then redis.call('ZREM', p..':ready:'..split(value), id) end "                                          \
    "  redis.call('ZREM', p..':delayed', id) "                                                                         \
    "  redis.call('ZREM', p..':leases', id) "                                                                          \
    "  redis.call('SREM', p..':expired', id) "                                                                         \
    "  redis.call('HDEL', p..':owners', id) "                                                                          \
    "  redis.call('HDEL', p..':jobs', id) "                                                                            \
    "end "

/* Words of the largest script (settle: five, and five for each id of a batch). None hands ARGV to unpack(). */
enum { QUEUE_SCRIPT_WORDS_MAX = 5 + 5 * QUEUE_BATCH_MAX };

/* Runs a script with the prefix as its key, at most QUEUE_SCRIPT_WORDS_MAX words. words[0] is left free for it. */
ERROR_MUST_CHECK enum error_code queue_script_run(struct redis_client *client, struct redis_script *script, int count,
                                                  const char **words, struct redis_reply *reply, struct error *error);

/* Runs a script whose arguments are job ids, after one of another kind (first; NULL: none). */
ERROR_MUST_CHECK enum error_code queue_script_run_ids(struct redis_client *client, struct redis_script *script,
                                                      const char *first, const int64_t *job_ids, size_t count,
                                                      struct redis_reply *reply, struct error *error);

/* For a reply that is none of those that the script gives. */
enum error_code queue_script_unexpected(const struct redis_script *script, struct error *error);

#endif
