/* core/queue_control.c - the queue's verbs for persons: cancel, pause, and where a job is. */
#include <stdio.h>
#include <string.h>

#include "core/number_text.h"
#include "core/queue_script.h"

#define PRELUDE QUEUE_SCRIPT_PRELUDE

enum { CANCEL_LASTS_MS = 3600000 };

/* The mark is the lease's, not the job's: whoever leases the job later is not meant. */
static struct redis_script cancel_script = {
    "cancel",
    PRELUDE "for i = 2, #ARGV do "
            "  local owner = redis.call('HGET', p..':owners', ARGV[i]) "
            "  if owner then redis.call('SET', p..':cancel:'..owner, '1', 'PX', ARGV[1]) end "
            "  forget(ARGV[i]) "
            "end "
            "return #ARGV ",
    ""};

static struct redis_script pause_script = {"pause",
                                           PRELUDE "if ARGV[2] == '1' then "
                                                   "  redis.call('SADD', p..':paused', ARGV[1]) "
                                                   "elseif redis.call('SREM', p..':paused', ARGV[1]) == 1 then "
                                                   "  ring(ARGV[1], redis.call('ZCARD', p..':ready:'..ARGV[1])) "
                                                   "end "
                                                   "return 1 ",
                                           ""};

static struct redis_script paused_script = {"paused",
                                            PRELUDE "return redis.call('SRANDMEMBER', p..':paused', ARGV[1]) ", ""};

static struct redis_script look_script = {
    "look",
    PRELUDE "local id = ARGV[1] "
            "local was = state(id) "
            "local number = 0 "
            "if was == 1 then "
            "  number = redis.call('ZRANK', p..':ready:'..split(redis.call('HGET', p..':jobs', id)), id) "
            "elseif was == 2 then number = redis.call('ZSCORE', p..':leases', id) - now "
            "elseif was == 3 then number = redis.call('ZSCORE', p..':delayed', id) - now end "
            "return {was, number, redis.call('HGET', p..':owners', id) or ''} ",
    ""};

/* ---- verbs ------------------------------------------------------------------------------------------------- */

enum error_code
queue_cancel(struct redis_client *client, const int64_t *job_ids, size_t count, struct error *error)
{
    struct number_text lasts;
    return queue_script_run_ids(client, &cancel_script, number_text(&lasts, CANCEL_LASTS_MS), job_ids, count, NULL,
                                error);
}

enum error_code
queue_pause(struct redis_client *client, const char *queue, bool paused, struct error *error)
{
    const char *words[] = {NULL, queue, paused ? "1" : "0"};
    return queue_script_run(client, &pause_script, 3, words, NULL, error);
}

enum error_code
queue_paused(struct redis_client *client, char (*names)[QUEUE_NAME_BYTES], size_t most, size_t *count,
             struct error *error)
{
    struct number_text limit;
    struct redis_reply reply;
    const char *words[] = {NULL, number_text(&limit, (int64_t)most)};
    *count = 0;
    if (queue_script_run(client, &paused_script, 2, words, &reply, error))
        return error->code;
    for (; *count < reply.count && *count < most; (*count)++)
        (void)snprintf(names[*count], QUEUE_NAME_BYTES, "%s", reply.parts[*count].text);
    redis_reply_free(&reply);
    return ERROR_NONE;
}

enum error_code
queue_look(struct redis_client *client, int64_t job_id, struct queue_place *place, struct error *error)
{
    struct number_text id;
    struct redis_reply reply;
    const char *words[] = {NULL, number_text(&id, job_id)};
    if (queue_script_run(client, &look_script, 2, words, &reply, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    memset(place, 0, sizeof(*place));
    if (reply.count == 3 && reply.parts[2].text) {
        place->kind = (enum queue_place_kind)reply.parts[0].integer;
        place->number = reply.parts[1].integer;
        (void)snprintf(place->token, sizeof(place->token), "%s", reply.parts[2].text);
    } else {
        code = queue_script_unexpected(&look_script, error);
    }
    redis_reply_free(&reply);
    return code;
}
