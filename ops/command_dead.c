/* dead: the jobs that wait for a person. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/ledger.h"
#include "core/sql.h"
#include "ops/command_filter.h"
#include "ops/command_jobs.h"
#include "ops/command_session.h"

static enum error_code
run_list(const struct command_line *line, struct error *error)
{
    static const char *const columns[] = {"id",      "job",         "date",       "queue", "attempts",
                                          "died_at", "backfill_id", "error_code", "error", NULL};
    struct command_style style = {
        .form = command_print_form(command_flag(line, "--json")), .empty = "no dead jobs", .table_columns = columns};
    struct command_filter filter;
    const char *limit;
    if (command_limit(line, "100", &limit, error) || command_filter_choices(line, "{dead}", &filter, error))
        return error->code;
    return command_session_list("ops/dead", "list",
                                DATABASE_VALUES(limit, filter.job, filter.queue, filter.error,
                                                filter.from[0] ? filter.from : NULL, filter.to[0] ? filter.to : NULL,
                                                filter.backfill),
                                &style, error);
}

/* ---- retry and discard --------------------------------------------------------------------------------------- */

enum { STATE_BYTES = 16 };

/* The two verbs that change jobs. */
struct verb {
    const char *done, *refused; /* "is queued again", "only ..." */
    const char *counted;        /* of many: "tried again" */
    const char *waits;          /* in place of done, when the job is waiting then */
    bool dead_only;
    enum error_code (*apply)(struct database *warehouse, int64_t job_id, struct ledger_pushes *pushes, bool *done,
                             struct error *error);
};

static enum error_code
discard(struct database *warehouse, int64_t job_id, struct ledger_pushes *pushes, bool *done, struct error *error)
{
    return ledger_discard(warehouse, job_id, "discarded on the command line", pushes, done, error);
}

static enum error_code
retry(struct database *warehouse, int64_t job_id, struct ledger_pushes *pushes, bool *done, struct error *error)
{
    (void)pushes;
    enum error_code code = ledger_retry(warehouse, job_id, done, error);
    if (code && strcmp(error->sqlstate, "23505") == 0)
        return error_set(error, ERROR_ARGUMENT,
                         "job %" PRId64 " cannot be queued again while an unfinished job has its unique key; "
                         "`tapemill jobs show %" PRId64 "` names the key",
                         job_id, job_id);
    return code;
}

static const struct verb verb_retry = {
    .done = "is queued again",
    .refused = "only dead and cancelled jobs can be tried again",
    .counted = "tried again",
    .waits = "waits again: jobs that it depends on are not done",
    .apply = retry,
};
static const struct verb verb_discard = {
    .done = "is discarded",
    .refused = "only dead jobs can be discarded",
    .counted = "discarded",
    .dead_only = true,
    .apply = discard,
};

static enum error_code
read_state(struct database *warehouse, const char *id, char state[STATE_BYTES], struct error *error)
{
    return database_value(warehouse, sql_text("ops/dead", "state"), DATABASE_VALUES(id), state, STATE_BYTES, error);
}

static enum error_code
apply_one(struct database *warehouse, const struct verb *verb, int64_t job_id, struct ledger_pushes *pushes,
          struct error *error)
{
    char id[24], state[STATE_BYTES];
    bool done = false;
    (void)snprintf(id, sizeof(id), "%" PRId64, job_id);
    enum error_code code = read_state(warehouse, id, state, error);
    if (!code && !state[0])
        code = error_set(error, ERROR_ARGUMENT, "there is no job %s; `tapemill dead` lists the dead ones", id);
    if (!code)
        code = verb->apply(warehouse, job_id, pushes, &done, error);
    if (!code && !done && read_state(warehouse, id, state, error))
        code = error->code;
    if (!code && !done)
        code = error_set(error, ERROR_ARGUMENT, "job %s is %s; %s", id, state, verb->refused);
    if (!code)
        code = read_state(warehouse, id, state, error);
    if (!code)
        printf("job %s %s\n", id, verb->waits && strcmp(state, "waiting") == 0 ? verb->waits : verb->done);
    return code;
}

/* One batch. Redis hears of what was done, also when the rest fails. A job that cannot be changed ends it; unless
 * skipped counts such jobs. */
static enum error_code
apply_all(struct database *warehouse, const struct verb *verb, const int64_t *ids, size_t count, size_t *skipped,
          struct error *error)
{
    static int64_t done[COMMAND_WORDS_MAX + COMMAND_FILTER_PAGE]; /* room for either */
    struct ledger_pushes pushes = {0};
    enum error_code code = ERROR_NONE;
    size_t done_count = 0;
    for (size_t i = 0; !code && i < count; i++) {
        code = apply_one(warehouse, verb, ids[i], &pushes, error);
        if (!code)
            done[done_count++] = ids[i];
        if (code == ERROR_ARGUMENT && skipped) {
            fprintf(stderr, "tapemill: skipped: %s\n", error->message);
            (*skipped)++;
            code = ERROR_NONE;
        }
    }
    if (verb->dead_only && done_count)
        command_session_forget(done, done_count);
    else if (done_count)
        command_session_push(warehouse, done, done_count);
    if (pushes.count)
        command_session_push(warehouse, pushes.job_ids, pushes.count);
    return code;
}

static enum error_code
apply_filtered(struct database *warehouse, const struct verb *verb, const struct command_filter *filter,
               struct error *error)
{
    int64_t ids[COMMAND_FILTER_PAGE], before = 0;
    size_t count = 1, total = 0, skipped = 0;
    if (filter->dry_run) {
        enum error_code code = command_filter_count(warehouse, filter, &total, error);
        if (!code)
            printf("it would be %zu\n", total);
        return code;
    }
    for (; count; total += count)
        if (command_filter_page(warehouse, filter, &before, ids, &count, error) ||
            apply_all(warehouse, verb, ids, count, &skipped, error))
            return error->code;
    if (total)
        printf("%s: %zu\n", verb->counted, total - skipped);
    else
        puts("no dead jobs");
    (void)fflush(stdout);
    if (skipped)
        return error_set(error, ERROR_ARGUMENT, "%zu of %zu jobs were skipped; each has its reason above", skipped,
                         total);
    return ERROR_NONE;
}

static enum error_code
run_verb(const struct command_line *line, const struct verb *verb, struct error *error)
{
    static int64_t ids[COMMAND_WORDS_MAX];
    struct command_filter filter;
    struct database *warehouse;
    for (int i = 0; i < line->word_count; i++)
        if (command_id(line, i, &ids[i], error))
            return error->code;
    if (command_filter_read(line, "{dead}", &filter, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = filter.given ? apply_filtered(warehouse, verb, &filter, error)
                                        : apply_all(warehouse, verb, ids, (size_t)line->word_count, NULL, error);
    database_close(warehouse);
    return code;
}

static enum error_code
run_retry(const struct command_line *line, struct error *error)
{
    return run_verb(line, &verb_retry, error);
}

static enum error_code
run_discard(const struct command_line *line, struct error *error)
{
    return run_verb(line, &verb_discard, error);
}

/* ---- the commands -------------------------------------------------------------------------------------------- */

static const struct command_option list_options[] = {COMMAND_FILTER_CHOICES,
                                                     {"--limit", "N", "at most so many (100)", false},
                                                     {"--json", NULL, "print JSON", false},
                                                     {0}};
static const struct command_option verb_options[] = {COMMAND_FILTER_OPTIONS, {0}};

static const struct command command_dead_list = {
    .name = "dead list",
    .usage = "",
    .summary = "list dead jobs, the latest first",
    .options = list_options,
    .run = run_list,
};

static const struct command command_dead_show = {
    .name = "dead show",
    .usage = "ID",
    .summary = "show one job, its runs and their errors",
    .options = (const struct command_option[]){{"--json", NULL, "print the job as a JSON object", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = command_jobs_run_show,
};

static const struct command command_dead_retry = {
    .name = "dead retry",
    .usage = "ID...",
    .summary = "queue dead (or cancelled) jobs again, their attempts counted from zero",
    .detail = "What waits for the job goes on once it is done, and so does the backfill it belongs to.",
    .options = verb_options,
    .words_max = COMMAND_WORDS_MAX,
    .run = run_retry,
};

static const struct command command_dead_discard = {
    .name = "dead discard",
    .usage = "ID...",
    .summary = "give dead jobs up: they become cancelled",
    .options = verb_options,
    .words_max = COMMAND_WORDS_MAX,
    .run = run_discard,
};

const struct command command_dead = {
    .name = "dead",
    .usage = "",
    .summary = "list, show, retry or discard jobs that wait for a person",
    .options = list_options,
    .run = run_list,
    .verbs = (const struct command *const[]){&command_dead_list, &command_dead_show, &command_dead_retry,
                                             &command_dead_discard, NULL},
};
