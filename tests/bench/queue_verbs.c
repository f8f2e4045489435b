/* The queue's Redis verbs alone, without ledger and jobs, for ops/bench queue.
 *
 *   queue_verbs put FIRST COUNT BATCH   puts the ids FIRST.. on the queue bench, BATCH in a call
 *   queue_verbs drain                   takes and finishes jobs of it, one call each, until there are none */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/queue.h"

static const char *const queues[] = {"bench"};

static void
must(enum error_code code, const struct error *error)
{
    if (!code)
        return;
    fprintf(stderr, "queue_verbs: %s\n", error->message);
    exit(1);
}

static void
put(struct redis_client *redis, int64_t first, int64_t count, int64_t batch)
{
    static struct queue_entry entries[QUEUE_BATCH_MAX];
    struct error error;
    for (int64_t done = 0; done < count;) {
        size_t page = 0;
        while (page < (size_t)batch && done < count)
            entries[page++] = (struct queue_entry){first + done++, queues[0], 5, 0};
        must(queue_put(redis, entries, page, NULL, &error), &error);
    }
}

static int64_t
drain(struct redis_client *redis)
{
    struct queue_claim claim = {0};
    struct error error;
    char token[QUEUE_TOKEN_BYTES];
    int64_t done = 0;
    do {
        (void)snprintf(token, sizeof(token), "%d.%" PRId64, (int)getpid(), done);
        must(queue_reserve(redis, queues, 1, token, 10000, done ? &claim : NULL, &claim, &error), &error);
        done++;
    } while (claim.job_id);
    return done - 1;
}

int
main(int argc, char **argv)
{
    struct redis_client *redis;
    struct error error;
    must(config_load(&error), &error);
    must(redis_client_create(&redis, &error), &error);
    if (argc == 5 && strcmp(argv[1], "put") == 0) {
        int64_t batch = strtoll(argv[4], NULL, 10);
        put(redis, strtoll(argv[2], NULL, 10), strtoll(argv[3], NULL, 10),
            batch < QUEUE_BATCH_MAX ? batch : QUEUE_BATCH_MAX);
    } else if (argc == 2 && strcmp(argv[1], "drain") == 0) {
        printf("%" PRId64 "\n", drain(redis));
    } else {
        fprintf(stderr, "usage: queue_verbs put FIRST COUNT BATCH | drain\n");
        return 2;
    }
    redis_client_free(redis);
    return 0;
}
