#include "ops/command_queue_control.h"

#include <stdio.h>
#include <string.h>

#include "core/ledger.h"
#include "core/number_text.h"
#include "core/platform.h"
#include "core/sql.h"
#include "ops/command_session.h"
#include "ops/command_target.h"

#define SQL(name) sql_text("ledger/control", name)

enum { CONCURRENCY_MAX = 1000000, USER_BYTES = 160, KEYS_PAGE = 100 };

extern const struct command command_limit_key, command_limits;

/* ---- pause and resume ---------------------------------------------------------------------------------------- */

/* Redis mirrors what the ledger has. Without Redis that is only a warning: claims ask the ledger. */
static void
mirror(struct database *warehouse, const char *queue)
{
    struct redis_client *client = NULL;
    struct error error;
    enum error_code code = redis_client_create(&client, &error);
    if (!code)
        code = ledger_mirror_pause(warehouse, client, queue, &error);
    if (code)
        fprintf(stderr, "tapemill: warning: %s; the ledger has it, and the scheduler will tell Redis\n", error.message);
    redis_client_free(client);
}

static enum error_code
read_number(struct database *warehouse, const char *queue, char running[24], struct error *error)
{
    return database_value(warehouse, sql_text("ops/queue", "running_on"), DATABASE_VALUES(queue), running, 24, error);
}

/* Runs the statement; *changed tells whether it changed the queue's row. */
static enum error_code
change(struct database *warehouse, const char *statement, int count, const char *const *values, bool *changed,
       struct error *error)
{
    struct rows *rows;
    if (database_query(warehouse, SQL(statement), count, values, &rows, error))
        return error->code;
    *changed = rows_count(rows) > 0;
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
run_pause(const struct command_line *line, struct error *error)
{
    const char *queue = line->words[0], *reason = command_value(line, "--reason");
    char user[USER_BYTES], running[24];
    struct database *warehouse;
    bool changed;
    platform_user_name(user, sizeof(user));
    if (command_target_queue(queue, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code =
        change(warehouse, "pause", DATABASE_VALUES(queue, user, reason && reason[0] ? reason : NULL), &changed, error);
    if (!code)
        mirror(warehouse, queue);
    if (!code)
        code = read_number(warehouse, queue, running, error);
    if (!code)
        printf("queue %s %s; its running jobs (%s) go on to their end. `tapemill queue resume %s` opens it\n", queue,
               changed ? "is paused" : "was paused already", running, queue);
    database_close(warehouse);
    return code;
}

/* Jobs parked at a limit are woken as far as it has room. */
static enum error_code
fill_limit(struct database *warehouse, const char *wait_key, struct error *error)
{
    struct ledger_pushes pushes;
    do {
        pushes.count = 0;
        if (ledger_fill_limit(warehouse, wait_key, &pushes, error))
            return error->code;
        if (pushes.count)
            command_session_push(warehouse, pushes.job_ids, pushes.count);
    } while (pushes.count == LEDGER_PUSHES_MAX);
    return ERROR_NONE;
}

static enum error_code
fill(struct database *warehouse, const char *kind, const char *name, struct error *error)
{
    char wait_key[LEDGER_WAIT_KEY_BYTES];
    (void)snprintf(wait_key, sizeof(wait_key), "limit:%s:%s", kind, name);
    return fill_limit(warehouse, wait_key, error);
}

/* The limits of keys that jobs of the queue are parked at: while it was paused, their places went to other jobs. */
static enum error_code
fill_keys(struct database *warehouse, const char *queue, struct error *error)
{
    char wait_key[LEDGER_WAIT_KEY_BYTES] = "";
    struct number_text most;
    enum error_code code = ERROR_NONE;
    for (size_t count = KEYS_PAGE; !code && count == KEYS_PAGE;) {
        struct rows *rows;
        if (database_query(warehouse, SQL("parked_keys"),
                           DATABASE_VALUES(queue, wait_key, number_text(&most, KEYS_PAGE)), &rows, error))
            return error->code;
        count = rows_count(rows);
        for (size_t row = 0; !code && row < count; row++) {
            (void)snprintf(wait_key, sizeof(wait_key), "%s", rows_text(rows, row, 0));
            code = fill_limit(warehouse, wait_key, error);
        }
        rows_free(rows);
    }
    return code;
}

static enum error_code
run_resume(const struct command_line *line, struct error *error)
{
    const char *queue = line->words[0];
    struct database *warehouse;
    bool changed;
    if (command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = change(warehouse, "resume", DATABASE_VALUES(queue), &changed, error);
    if (!code)
        mirror(warehouse, queue);
    if (!code)
        code = fill(warehouse, "queue", queue, error);
    if (!code)
        code = fill_keys(warehouse, queue, error);
    if (!code)
        printf("queue %s %s\n", queue, changed ? "is open again" : "was not paused");
    database_close(warehouse);
    return code;
}

/* ---- limits -------------------------------------------------------------------------------------------------- */

/* The second word: a number, or "none" (NULL). */
static enum error_code
read_limit(const struct command_line *line, const char **limit, struct error *error)
{
    int64_t number;
    *limit = strcmp(line->words[1], "none") == 0 ? NULL : line->words[1];
    if (*limit && (command_id(line, 1, &number, error) || number > CONCURRENCY_MAX))
        return error_set(error, ERROR_USAGE, "\"%.40s\" is no limit; write a whole number from 1 to %d, or none",
                         *limit, CONCURRENCY_MAX);
    return ERROR_NONE;
}

static enum error_code
run_queue_limit(const struct command_line *line, struct error *error)
{
    const char *queue = line->words[0], *limit;
    struct database *warehouse;
    if (read_limit(line, &limit, error) || command_target_queue(queue, error) ||
        command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = database_query(warehouse, SQL("limit_queue"), DATABASE_VALUES(queue, limit), NULL, error);
    if (!code)
        code = fill(warehouse, "queue", queue, error);
    if (!code && limit)
        printf("of queue %s at most %s jobs run at once\n", queue, limit);
    else if (!code)
        printf("of queue %s any number of jobs may run at once\n", queue);
    database_close(warehouse);
    return code;
}

static enum error_code
run_limit(const struct command_line *line, struct error *error)
{
    const char *key = line->words[0], *limit;
    struct database *warehouse;
    if (!key[0] || strlen(key) >= LEDGER_LIMIT_KEY_BYTES)
        return error_set(error, ERROR_USAGE, "\"%.40s\" is no limit key; write 1 to %d bytes", key,
                         LEDGER_LIMIT_KEY_BYTES - 1);
    if (read_limit(line, &limit, error) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = limit ? database_query(warehouse, SQL("limit_key"), DATABASE_VALUES(key, limit), NULL, error)
                                 : database_query(warehouse, SQL("unlimit_key"), DATABASE_VALUES(key), NULL, error);
    if (!code)
        code = fill(warehouse, "key", key, error);
    if (!code)
        printf("of the jobs with limit key %s at most %s run%s at once\n", key, limit ? limit : "1",
               limit && strcmp(limit, "1") != 0 ? "" : "s");
    database_close(warehouse);
    return code;
}

static enum error_code
run_limits(const struct command_line *line, struct error *error)
{
    struct command_style style = {.form = command_print_form(command_flag(line, "--json")),
                                  .empty = "no limit keys: tapemill enqueue JOB --limit KEY"};
    const char *limit;
    if (command_limit(line, "100", &limit, error))
        return error->code;
    return command_session_list("ops/queue", "limits", DATABASE_VALUES(limit), &style, error);
}

/* ---- the commands -------------------------------------------------------------------------------------------- */

const struct command command_queue_pause = {
    .name = "queue pause",
    .usage = "QUEUE",
    .summary = "let no further job of a queue begin",
    .detail = "Jobs may be enqueued meanwhile; those that run go on to their end.",
    .options = (const struct command_option[]){{"--reason", "TEXT", "why, for those who ask", false}, {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_pause,
};

const struct command command_queue_resume = {
    .name = "queue resume",
    .usage = "QUEUE",
    .summary = "let the jobs of a paused queue begin again, at once",
    .words_min = 1,
    .words_max = 1,
    .run = run_resume,
};

const struct command command_queue_limit = {
    .name = "queue limit",
    .usage = "QUEUE N|none",
    .summary = "let at most so many jobs of a queue run at once, over all workers",
    .detail = "A job that finds no place is parked, and the most urgent one goes first when a place is free. A lower\n"
              "limit ends no job that runs.",
    .words_min = 2,
    .words_max = 2,
    .run = run_queue_limit,
};

const struct command command_limit_key = {
    .name = "limit",
    .usage = "KEY N|none",
    .summary = "let at most so many jobs with one limit key run at once",
    .detail =
        "Jobs get a key by `tapemill enqueue JOB --limit KEY`. A key without a limit of its own (none) allows one.",
    .words_min = 2,
    .words_max = 2,
    .run = run_limit,
};

const struct command command_limits = {
    .name = "limits",
    .usage = "",
    .summary = "list limit keys: how many may run, run, and are parked for a place",
    .options = (const struct command_option[]){{"--limit", "N", "at most so many (100)", false},
                                               {"--json", NULL, "print JSON", false},
                                               {0}},
    .run = run_limits,
};
