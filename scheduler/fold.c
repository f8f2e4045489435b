#include "scheduler/fold.h"

#include "core/log.h"
#include "jobs/fold_debt.h"
#include "jobs/pipeline.h"

enum { ARENA_CEILING = 64 * 1024, PRIORITY = 3 };

static const char job[] = "fold_month";

static enum error_code
enqueue(const char *date, struct database *database, struct redis_watch *redis, struct arena *arena,
        struct error *error)
{
    const struct pipeline_request request = {.business_date = date, .priority = PRIORITY, .unique_key = job};
    int64_t *job_ids;
    size_t count;
    if (pipeline_enqueue_target(database, job, "{}", &request, arena, &job_ids, &count, error))
        return error_context(error, "the month of %s could not be folded", date);
    log_info("folding a month", LOG_TEXT("month", date), LOG_NUMBER("job", job_ids[0]));
    return redis_watch_push(redis, database, job_ids, count, error);
}

enum error_code
fold_advance(int64_t *next_ms, int64_t now_ms, const struct business_clock *clock, struct database *database,
             struct redis_watch *redis, struct error *error)
{
    struct fold_debt debt;
    if (now_ms < *next_ms)
        return ERROR_NONE;
    if (fold_debt_look(database, clock, &debt, error))
        return error->code;
    *next_ms = now_ms + (debt.folding || debt.next[0] ? FOLD_BUSY_MS : FOLD_IDLE_MS);
    if (!debt.next[0])
        return ERROR_NONE;
    struct arena arena;
    arena_init(&arena, ARENA_CEILING);
    enum error_code code = enqueue(debt.next, database, redis, &arena, error);
    arena_term(&arena);
    return code;
}
