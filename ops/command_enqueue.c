#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/calendar_date.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/queue.h"
#include "ops/command_enqueue_each.h"
#include "ops/command_session.h"
#include "ops/command_target.h"
#include "ops/command_wait.h"

enum {
    PRIORITY_DEFAULT = 5,
    DELAY_SECONDS_MAX = 366 * 86400,
    TIMEOUT_SECONDS_MAX = 604800, /* as TAPEMILL_JOB_TIMEOUT_SECONDS */
    ARENA_BYTES_MAX = 1024 * 1024,
    AFTER_MAX = 256,
};

/* What the command line asks for. */
struct request {
    struct command_target target;
    struct buffer arguments; /* JSON */
    char date[CALENDAR_DATE_BYTES];
    bool has_date;
    int64_t priority, delay_seconds, soft_timeout_s, hard_timeout_s;
    const char *queue, *unique_key, *unique_while, *limit_key;
    int64_t after[AFTER_MAX]; /* jobs to wait for */
    size_t after_count;
};

/* What came of it. */
struct enqueued {
    int64_t ids[PIPELINE_STEPS_MAX];
    size_t count;
    bool existed; /* a live job had the unique key */
};

static enum error_code
check_date(const struct command_line *line, struct request *request, struct error *error)
{
    const struct job_definition *job = request->target.job;
    int32_t days = 0;
    if (command_date(line, "--date", &days, &request->has_date, error))
        return error->code;
    if (request->has_date)
        (void)calendar_date_format(days, request->date);
    if (!request->has_date && (!job || job->needs_date))
        return error_set(error, ERROR_USAGE, "%s works on one business date; add --date YYYY-MM-DD",
                         request->target.name);
    if (request->has_date && job && !job->needs_date && !job->takes_date)
        return error_set(error, ERROR_USAGE, "%s is not about a date; leave --date out", job->name);
    return ERROR_NONE;
}

/* "17" or "17,18", as often as it is given. */
static enum error_code
read_after(const struct command_line *line, struct request *request, struct error *error)
{
    int cursor = 0;
    for (const char *list; (list = command_next_value(line, "--after", &cursor));)
        for (char *end; *list; list = *end == ',' ? end + 1 : end) {
            int64_t id = strtoll(list, &end, 10);
            if (end == list || (*end && *end != ',') || id < 1)
                return error_set(error, ERROR_USAGE, "--after is \"%.40s\"; write ids of jobs, such as 17,18", list);
            bool known = false;
            for (size_t i = 0; i < request->after_count; i++)
                known = known || request->after[i] == id;
            if (!known && request->after_count == AFTER_MAX)
                return error_set(error, ERROR_USAGE, "--after names more than %d jobs", AFTER_MAX);
            if (!known)
                request->after[request->after_count++] = id;
        }
    return ERROR_NONE;
}

/* What a job asks for besides its place on a queue. */
static enum error_code
read_controls(const struct command_line *line, struct request *request, struct error *error)
{
    static const char *const whiles[] = {"queued", "live", NULL};
    request->unique_key = command_value(line, "--unique");
    request->limit_key = command_value(line, "--limit");
    if (command_choice(line, "--unique-while", whiles, NULL, &request->unique_while, error) ||
        command_integer(line, "--soft-timeout", 1, TIMEOUT_SECONDS_MAX, 0, &request->soft_timeout_s, error) ||
        command_integer(line, "--hard-timeout", 1, TIMEOUT_SECONDS_MAX, 0, &request->hard_timeout_s, error) ||
        read_after(line, request, error))
        return error->code;
    if (request->unique_key && !request->unique_key[0])
        return error_set(error, ERROR_USAGE, "--unique is empty; write any text that names the work");
    if (request->unique_while && !request->unique_key)
        return error_set(error, ERROR_USAGE, "--unique-while goes with --unique; add it, or leave --unique-while out");
    if (request->target.pipeline && (request->unique_key || request->delay_seconds || request->limit_key ||
                                     request->soft_timeout_s || request->hard_timeout_s || request->after_count))
        return error_set(error, ERROR_USAGE,
                         "--unique, --delay, --limit, --after and the timeouts are for single jobs; %s is a pipeline",
                         request->target.name);
    return ERROR_NONE;
}

static enum error_code
read_request(const struct command_line *line, struct request *request, struct error *error)
{
    request->queue = command_value(line, "--queue");
    if (command_target_find(line->words[0], &request->target, error) || check_date(line, request, error) ||
        command_integer(line, "--priority", 0, QUEUE_PRIORITY_MAX, PRIORITY_DEFAULT, &request->priority, error) ||
        command_integer(line, "--delay", 0, DELAY_SECONDS_MAX, 0, &request->delay_seconds, error) ||
        command_target_queue(request->queue, error) || read_controls(line, request, error))
        return error->code;
    return command_enqueue_each_check(line, &request->target, error);
}

static struct ledger_new_job
describe_job(const struct request *request, char end_key[JOB_WAIT_KEY_BYTES])
{
    const struct job_definition *job = request->target.job;
    return (struct ledger_new_job){
        .job_name = job->name,
        .job_type = job->type,
        .kind = "batch",
        .queue = request->queue ? request->queue : job->queue,
        .priority = (int)request->priority,
        .max_attempts = job->max_attempts,
        .arguments = request->arguments.bytes,
        .business_date = request->has_date ? request->date : NULL,
        .unique_key = request->unique_key,
        .unique_while = request->unique_while,
        .limit_key = request->limit_key,
        .soft_timeout_s = (int)request->soft_timeout_s,
        .hard_timeout_s = (int)request->hard_timeout_s,
        .depends_on = request->after,
        .dependencies = request->after_count,
        .delay_ms = request->delay_seconds * 1000,
        .end_key = job_end_key(job, request->has_date ? request->date : NULL, end_key),
    };
}

static enum error_code
enqueue_job(struct database *warehouse, struct request *request, struct enqueued *enqueued, struct error *error)
{
    char end_key[JOB_WAIT_KEY_BYTES];
    if (request->after_count && ledger_hold_dependencies(warehouse, request->after, &request->after_count, error))
        return error->code;
    const struct ledger_new_job new_job = describe_job(request, end_key);
    bool created = false;
    enum error_code code = ledger_enqueue(warehouse, &new_job, &enqueued->ids[0], &created, error);
    enqueued->count = 1;
    enqueued->existed = !created;
    return code;
}

static enum error_code
enqueue_pipeline(struct database *warehouse, const struct request *request, struct enqueued *enqueued,
                 struct error *error)
{
    const struct pipeline_request pipeline = {
        .business_date = request->date, .queue = request->queue, .priority = (int)request->priority};
    struct arena arena;
    int64_t *ids = NULL;
    size_t count = 0;
    arena_init(&arena, ARENA_BYTES_MAX);
    enum error_code code =
        pipeline_enqueue(warehouse, request->target.pipeline, &pipeline, &arena, &ids, &count, error);
    for (size_t i = 0; !code && i < count && enqueued->count < PIPELINE_STEPS_MAX; i++)
        enqueued->ids[enqueued->count++] = ids[i];
    arena_term(&arena);
    return code;
}

/* In one transaction; then Redis is told. */
static enum error_code
enqueue(struct database *warehouse, struct request *request, struct enqueued *enqueued, struct error *error)
{
    enum error_code code = database_begin(warehouse, error);
    if (!code)
        code = request->target.job ? enqueue_job(warehouse, request, enqueued, error)
                                   : enqueue_pipeline(warehouse, request, enqueued, error);
    if (!code)
        code = database_commit(warehouse, error);
    for (size_t i = 0; !code && !enqueued->existed && i < enqueued->count; i++)
        history_note(HISTORY_ENQUEUED, enqueued->ids[i], 0);
    if (code)
        database_rollback(warehouse);
    else
        command_session_push(warehouse, enqueued->ids, enqueued->count);
    return code;
}

static void
tell(const struct request *request, const struct enqueued *enqueued, bool json)
{
    if (json)
        printf("{\"target\": \"%s\", \"created\": %s, \"job_ids\": [", request->target.name,
               enqueued->existed ? "false" : "true");
    else if (enqueued->existed)
        printf("there is a live job with this key already: job ");
    else
        printf("enqueued %s%s%s: job%s ", request->target.name, request->has_date ? " of " : "",
               request->has_date ? request->date : "", enqueued->count > 1 ? "s" : "");
    for (size_t i = 0; i < enqueued->count; i++)
        printf("%s%" PRId64, i ? ", " : "", enqueued->ids[i]);
    puts(json ? "]}" : "");
    (void)fflush(stdout);
}

static enum error_code
run_enqueue(const struct command_line *line, struct error *error)
{
    struct request request = {0};
    struct enqueued enqueued = {0};
    struct database *warehouse = NULL;
    enum error_code code = read_request(line, &request, error);
    if (!code)
        code = command_target_arguments(line, &request.target, &request.arguments, error);
    if (!code)
        code = command_session_open(&warehouse, error);
    if (!code)
        command_session_meet_redis();
    if (!code && command_value(line, "--each")) {
        char end_key[JOB_WAIT_KEY_BYTES];
        const struct ledger_new_job new_job = describe_job(&request, end_key);
        code = command_enqueue_each(line, warehouse, &request.target, &new_job, error);
        buffer_term(&request.arguments);
        database_close(warehouse);
        return code;
    }
    if (!code)
        code = enqueue(warehouse, &request, &enqueued, error);
    if (!code)
        tell(&request, &enqueued, command_flag(line, "--json"));
    if (!code && command_flag(line, "--wait"))
        code = command_wait_jobs(&warehouse, enqueued.ids, enqueued.count, error);
    buffer_term(&request.arguments);
    database_close(warehouse);
    return code;
}

const struct command command_enqueue = {
    .name = "enqueue",
    .usage = "JOB|PIPELINE",
    .summary = "put one job, or all jobs of a pipeline for one date, on their queues",
    .options =
        (const struct command_option[]){
            {"--date", "DATE", "the business date it works on (YYYY-MM-DD)", false},
            {"--arg", "NAME=VALUE", "an argument of the job; may be repeated", true},
            {"--queue", "QUEUE", "another queue than the job's own", false},
            {"--priority", "0..9", "9 is most urgent (5)", false},
            {"--delay", "SECONDS", "do not start earlier than in so many seconds", false},
            {"--unique", "KEY", "no second job while one with this key is unfinished", false},
            {"--unique-while", "WHEN",
             "the key is taken until the run begins (queued) or has ended (live, the default)", false},
            {"--limit", "KEY", "at most as many jobs with this key run at once as `tapemill limits` says (1)", false},
            {"--after", "ID[,ID]", "start once these jobs are done; may be repeated", true},
            {"--soft-timeout", "SECONDS", "a run is cancelled in PostgreSQL after so long, and fails", false},
            {"--hard-timeout", "SECONDS", "a run's process is killed after so long", false},
            {"--each", "FILE", "one job per line of FILE (-: standard input), each a JSON object of arguments", false},
            {"--batch", "N", "with --each: so many jobs in one transaction (1000)", false},
            {"--wait", NULL, "watch until it has ended; exit code 1 unless all is done", false},
            {"--json", NULL, "print the job ids as JSON", false},
            {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_enqueue,
    .show_more = command_target_show,
};
