/* Random queue operations against Redis and against a naive model in memory; after each the two must agree. The seed is
 * printed; TAPEMILL_TEST_SEED repeats a run. Time plays no part: leases either have expired at once or last an hour. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/config.h"
#include "core/queue.h"

enum { JOBS = 24, QUEUES = 2, STEPS = 4000, HOUR_MS = 3600000 };
enum place { NOWHERE, READY, DELAYED, LEASED, LAPSED };

struct model_job {
    enum place place;
    int queue, priority;
    struct queue_claim claim; /* of the last holder */
    bool told;                /* that holder's lease was cancelled */
};

static const char *const queue_names[QUEUES] = {"model_a", "model_b"};
static struct model_job jobs[JOBS];
static bool paused[QUEUES];
static struct redis_client *redis;
static struct error error;
static uint64_t seed;
static int64_t claims;
static const char *operation = "";

static uint64_t
next_random(uint64_t below)
{
    seed += 0x9E3779B97F4A7C15u; /* splitmix64 */
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

static void
fail(const char *what, int job)
{
    fprintf(stderr, "after %s: %s, job %d\n", operation, what, job + 1);
    exit(1);
}

static void
must(enum error_code code)
{
    if (code) {
        fprintf(stderr, "after %s: %s\n", operation, error.message);
        exit(1);
    }
}

static void
put(int job)
{
    struct model_job *model = &jobs[job];
    bool later = next_random(3) == 0;
    size_t added;
    int queue = (int)next_random(QUEUES), priority = (int)next_random(QUEUE_PRIORITY_MAX + 1);
    operation = "put";
    struct queue_entry entry = {job + 1, queue_names[queue], priority, later ? HOUR_MS : 0};
    must(queue_put(redis, &entry, 1, &added, &error));
    if ((added == 1) != (model->place == NOWHERE))
        fail("put counted wrongly", job);
    if (model->place == NOWHERE || (model->place == DELAYED && !later)) {
        model->place = later ? DELAYED : READY;
        model->queue = queue;
        model->priority = priority;
    }
}

/* The most urgent ready job of a queue: highest priority, then lowest id. A paused queue gives none. */
static int
best(int queue)
{
    int found = -1;
    for (int i = 0; i < JOBS && !paused[queue]; i++)
        if (jobs[i].place == READY && jobs[i].queue == queue && (found < 0 || jobs[i].priority > jobs[found].priority))
            found = i;
    return found;
}

static void
reserve(void)
{
    char token[QUEUE_TOKEN_BYTES];
    struct queue_claim claim;
    bool lapses = next_random(4) == 0;
    struct model_job *finished = &jobs[next_random(JOBS)];
    bool finishes = finished->claim.job_id && next_random(2) == 0;
    operation = finishes ? "acknowledge and reserve" : "reserve";
    (void)snprintf(token, sizeof(token), "t%" PRId64, ++claims);
    must(queue_reserve(redis, queue_names, QUEUES, token, lapses ? 0 : HOUR_MS, finishes ? &finished->claim : NULL,
                       &claim, &error));
    if (finishes && (finished->place == LEASED || finished->place == LAPSED))
        finished->place = NOWHERE;
    int wanted = best(0) >= 0 ? best(0) : best(1);
    if (claim.job_id != wanted + 1)
        fail("another job was reserved", wanted);
    if (wanted >= 0) {
        jobs[wanted].place = lapses ? LAPSED : LEASED;
        jobs[wanted].claim = claim;
        jobs[wanted].told = false;
    }
}

static void
touch(int job)
{
    enum queue_lease_state state;
    struct model_job *model = &jobs[job];
    operation = "touch";
    if (!model->claim.job_id)
        return;
    must(queue_touch(redis, &model->claim, HOUR_MS, &state, &error));
    /* Only this model's last claim touches: nobody else can hold the lease. */
    if (state != (model->told ? QUEUE_LEASE_CANCELLED : QUEUE_LEASE_HELD))
        fail("its own lease counts as stolen or cancelled, or its cancelled one as held", job);
    if (model->told)
        return;
    model->place = LEASED;
    for (int i = 0; i < QUEUES; i++)
        if (strcmp(queue_names[i], model->claim.queue) == 0)
            model->queue = i;
    model->priority = QUEUE_PRIORITY_MAX - (int)((model->claim.rank - job - 1) / 1000000000000);
}

static void
give_back(int job)
{
    struct model_job *model = &jobs[job];
    bool held = model->place == LEASED || model->place == LAPSED, acknowledge = next_random(2) == 0;
    operation = acknowledge ? "acknowledge" : "release";
    if (!model->claim.job_id)
        return;
    if (acknowledge) {
        must(queue_acknowledge(redis, &model->claim, &error));
        if (held)
            model->place = NOWHERE;
        return;
    }
    must(queue_release(redis, &model->claim, 0, &error));
    if (held || model->place == NOWHERE) {
        model->place = READY;
        model->queue = strcmp(model->claim.queue, queue_names[0]) == 0 ? 0 : 1;
        model->priority = QUEUE_PRIORITY_MAX - (int)((model->claim.rank - job - 1) / 1000000000000);
    }
}

static void
forget(int job)
{
    int64_t id = job + 1;
    operation = "forget";
    must(queue_forget(redis, &id, 1, &error));
    jobs[job].place = NOWHERE;
}

static void
cancel(int job)
{
    int64_t id = job + 1;
    operation = "cancel";
    must(queue_cancel(redis, &id, 1, &error));
    jobs[job].told = jobs[job].told || jobs[job].place == LEASED || jobs[job].place == LAPSED;
    jobs[job].place = NOWHERE;
}

static void
pause_or_open(void)
{
    char names[QUEUES][QUEUE_NAME_BYTES];
    size_t count, wanted = 0;
    int queue = (int)next_random(QUEUES);
    operation = "pause";
    paused[queue] = next_random(3) == 0;
    must(queue_pause(redis, queue_names[queue], paused[queue], &error));
    must(queue_paused(redis, names, QUEUES, &count, &error));
    for (int i = 0; i < QUEUES; i++)
        wanted += paused[i];
    if (count != wanted)
        fail("another number of queues is paused", -1);
    for (size_t i = 0; i < count; i++)
        if (!paused[strcmp(names[i], queue_names[0]) == 0 ? 0 : 1])
            fail("another queue is paused", -1);
}

/* Where a job is, and how many are before it. */
static void
look(int job)
{
    static const enum queue_place_kind kinds[] = {[NOWHERE] = QUEUE_PLACE_NONE,
                                                  [READY] = QUEUE_PLACE_READY,
                                                  [DELAYED] = QUEUE_PLACE_DELAYED,
                                                  [LEASED] = QUEUE_PLACE_LEASED,
                                                  [LAPSED] = QUEUE_PLACE_LEASED};
    const struct model_job *model = &jobs[job];
    struct queue_place place;
    int64_t before = 0;
    operation = "look";
    must(queue_look(redis, job + 1, &place, &error));
    for (int i = 0; i < JOBS; i++)
        before += jobs[i].place == READY && jobs[i].queue == model->queue &&
                  (jobs[i].priority > model->priority || (jobs[i].priority == model->priority && i < job));
    if (place.kind != kinds[model->place] || (place.kind == QUEUE_PLACE_READY && place.number != before))
        fail("it is looked for in another place", job);
    if (place.kind == QUEUE_PLACE_LEASED && strcmp(place.token, model->claim.token) != 0)
        fail("it is leased to another token", job);
}

static void
sweep(void)
{
    int64_t promoted, expired, lapsed = 0;
    operation = "sweep";
    for (int i = 0; i < JOBS; i++) {
        lapsed += jobs[i].place == LAPSED;
        jobs[i].place = jobs[i].place == LAPSED ? READY : jobs[i].place;
    }
    must(queue_sweep(redis, JOBS, &promoted, &expired, &error));
    if (promoted != 0 || expired != lapsed)
        fail("sweep moved another number of jobs", -1);
}

static void
flush(void)
{
    static const char *const words[] = {"FLUSHDB"};
    operation = "flush";
    must(redis_call(redis, 1, words, NULL, &error));
    for (int i = 0; i < JOBS; i++) {
        jobs[i].place = NOWHERE;
        jobs[i].told = false;
    }
    for (int i = 0; i < QUEUES; i++)
        paused[i] = false;
}

/* What Redis knows must be what the model knows. */
static void
compare(void)
{
    int64_t ids[JOBS], delayed, leased, wanted_delayed = 0, wanted_leased = 0, ready[QUEUES] = {0};
    struct queue_presence presence[JOBS];
    struct queue_depth depths[QUEUES];
    for (int i = 0; i < JOBS; i++) {
        ids[i] = i + 1;
        wanted_delayed += jobs[i].place == DELAYED;
        wanted_leased += jobs[i].place == LEASED || jobs[i].place == LAPSED;
        ready[jobs[i].queue] += jobs[i].place == READY;
    }
    must(queue_presence(redis, ids, JOBS, presence, &error));
    must(queue_depths(redis, queue_names, QUEUES, depths, &delayed, &leased, &error));
    for (int i = 0; i < JOBS; i++)
        if (presence[i].known != (jobs[i].place != NOWHERE) ||
            presence[i].leased != (jobs[i].place == LEASED || jobs[i].place == LAPSED))
            fail("Redis has it in another place", i);
    if (delayed != wanted_delayed || leased != wanted_leased || depths[0].ready != ready[0] ||
        depths[1].ready != ready[1])
        fail("the depths differ", -1);
}

int
main(void)
{
    const char *repeat = getenv("TAPEMILL_TEST_SEED");
    seed = repeat ? strtoull(repeat, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %" PRIu64 "\n", seed);
    must(config_load(&error));
    must(redis_client_create(&redis, &error));
    flush();
    for (int step = 0; step < STEPS; step++) {
        int job = (int)next_random(JOBS);
        look((int)next_random(JOBS));
        switch (next_random(27)) {
        case 0:
            forget(job);
            break;
        case 1:
            sweep();
            break;
        case 2:
            next_random(20) == 0 ? flush() : put(job);
            break;
        case 3:
        case 4:
        case 5:
            touch(job);
            break;
        case 6:
        case 7:
        case 8:
        case 9:
        case 10:
            give_back(job);
            break;
        case 11:
        case 12:
        case 13:
        case 14:
        case 15:
            reserve();
            break;
        case 16:
            cancel(job);
            break;
        case 17:
            pause_or_open();
            break;
        default:
            put(job);
            break;
        }
        compare();
    }
    redis_client_free(redis);
    printf("%d operations agree\n", STEPS);
    return 0;
}
