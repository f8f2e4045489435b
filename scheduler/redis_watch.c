#include "scheduler/redis_watch.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/ledger.h"

enum error_code
redis_watch_init(struct redis_watch *watch, struct error *error)
{
    memset(watch, 0, sizeof(*watch));
    watch->outage.what = "Redis";
    watch->suspect = true;
    (void)snprintf(watch->key, sizeof(watch->key), "{%s}:epoch", config_text(CONFIG_NAMESPACE));
    return redis_client_create(&watch->client, error);
}

void
redis_watch_term(struct redis_watch *watch)
{
    redis_client_free(watch->client);
    watch->client = NULL;
}

void
redis_watch_failed(struct redis_watch *watch, const struct error *error)
{
    redis_disconnect(watch->client);
    watch->usable = watch->asked = false;
    watch->suspect = true; /* what it will hold when it is back, nobody knows */
    outage_begin(&watch->outage, error);
}

/* Writes a new epoch unless another scheduler just did, and learns the one that stands. */
static enum error_code
begin_epoch(struct redis_watch *watch, struct error *error)
{
    char fresh[REDIS_WATCH_EPOCH_BYTES];
    struct redis_reply reply;
    (void)snprintf(fresh, sizeof(fresh), "%" PRId64 "-%d", clock_unix_us(), (int)getpid());
    const char *const set[] = {"SET", watch->key, fresh, "NX"};
    const char *const get[] = {"GET", watch->key};
    enum error_code code = redis_call(watch->client, 4, set, NULL, error);
    if (!code)
        code = redis_call(watch->client, 2, get, &reply, error);
    if (code)
        return code;
    (void)snprintf(watch->epoch, sizeof(watch->epoch), "%s", reply.type == REDIS_TEXT ? reply.text : "");
    redis_reply_free(&reply);
    return ERROR_NONE;
}

/* The answer is there: compares the epoch with the one we know. */
static void
take_answer(struct redis_watch *watch, const struct redis_reply *reply)
{
    struct error error;
    bool same = reply->type == REDIS_TEXT && strcmp(reply->text, watch->epoch) == 0;
    watch->asked = false;
    if (!same) {
        bool known_before = watch->epoch[0] != 0;
        if (begin_epoch(watch, &error)) {
            redis_watch_failed(watch, &error);
            return;
        }
        watch->emptied = watch->emptied || known_before;
        watch->suspect = true;
    }
    watch->usable = true;
    outage_end(&watch->outage);
}

static void
await_answer(struct redis_watch *watch, int64_t now_ms)
{
    struct error error;
    struct redis_reply reply;
    const char *const forget[] = {"DEL", watch->key};
    bool arrived = false;
    struct pollfd readable = {.fd = redis_socket(watch->client), .events = POLLIN};
    (void)poll(&readable, 1, REDIS_WATCH_GLANCE_MS);
    if (redis_receive(watch->client, &reply, &arrived, &error)) {
        redis_watch_failed(watch, &error);
        if (strstr(error.message, "WRONGTYPE") && redis_call(watch->client, 2, forget, NULL, &error))
            redis_watch_failed(watch, &error); /* the key is something else; else the next tick begins a new epoch */
    } else if (arrived) {
        take_answer(watch, &reply);
        redis_reply_free(&reply);
    } else if (now_ms - watch->asked_ms > REDIS_WATCH_SILENCE_MS) {
        (void)error_set(&error, ERROR_REDIS, "Redis does not answer; is it stopped, or busy with one long command?");
        if (now_ms - watch->asked_ms > REDIS_WATCH_PATIENCE_MS)
            redis_watch_failed(watch, &error);
        else if (!watch->outage.lasts)
            outage_begin(&watch->outage, &error);
    }
}

void
redis_watch_advance(struct redis_watch *watch, int64_t now_ms)
{
    struct error error;
    const char *const get[] = {"GET", watch->key};
    watch->usable = false;
    if (!watch->asked) {
        if (!outage_may_try(&watch->outage))
            return;
        if (redis_send(watch->client, 2, get, &error)) {
            redis_watch_failed(watch, &error);
            watch->outage.retry_ms += REDIS_WATCH_SLOW_FACTOR * (clock_monotonic_ms() - now_ms);
            return;
        }
        watch->asked = true;
        watch->asked_ms = now_ms;
    }
    await_answer(watch, now_ms);
}

enum error_code
redis_watch_push(struct redis_watch *watch, struct database *database, const int64_t *job_ids, size_t count,
                 struct error *error)
{
    if (!watch->usable || !count)
        return ERROR_NONE;
    enum error_code code = ledger_push(database, watch->client, job_ids, count, error);
    if (code != ERROR_REDIS)
        return code;
    redis_watch_failed(watch, error);
    return ERROR_NONE;
}
