/* queue: how much work waits, and who is there to do it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/queue.h"
#include "core/sql.h"
#include "ops/command_queue_control.h"
#include "ops/command_session.h"

enum { QUEUES_MAX = 64, WORKERS_MAX = 4096, NUMBER_BYTES = 24 };

#define LEASES_MAX "65536"

/* Columns of ops/queue ledger. */
enum {
    LEDGER_QUEUE,
    LEDGER_LEASED,
    LEDGER_QUEUED,
    LEDGER_RETRY,
    LEDGER_WAITING,
    LEDGER_RUNNING,
    LEDGER_PARKED,
    LEDGER_STATE,
    LEDGER_LIMIT,
    LEDGER_PAUSED_AT,
    LEDGER_PAUSED_BY,
    LEDGER_PAUSE_REASON,
};

/* What Redis says. */
struct redis_view {
    bool known;
    int64_t *leases;
    size_t lease_count;
    struct queue_depth depths[QUEUES_MAX];
    int64_t delayed, leased;
    struct queue_worker *workers;
    size_t worker_count;
};

/* Which of the running jobs hold a lease. */
static enum error_code
read_leases(struct database *warehouse, struct redis_client *client, struct redis_view *view, struct error *error)
{
    int64_t *ids = NULL;
    size_t count = 0;
    struct queue_presence *presence = calloc(QUEUE_BATCH_MAX, sizeof(*presence));
    if (!presence)
        return error_set(error, ERROR_MEMORY, "out of memory for the queues");
    enum error_code code =
        command_session_ids(warehouse, "ops/queue", "running", DATABASE_VALUES(LEASES_MAX), &ids, &count, error);
    for (size_t done = 0; !code && done < count; done += QUEUE_BATCH_MAX) {
        size_t batch = count - done < QUEUE_BATCH_MAX ? count - done : QUEUE_BATCH_MAX;
        code = queue_presence(client, ids + done, batch, presence, error);
        for (size_t i = 0; !code && i < batch; i++)
            if (presence[i].leased)
                ids[view->lease_count++] = ids[done + i];
    }
    view->leases = ids;
    free(presence);
    return code;
}

static enum error_code
query_ledger(struct database *warehouse, const struct redis_view *view, struct rows **rows, struct error *error)
{
    struct buffer names, ids;
    buffer_init(&names, ERROR_MESSAGE_BYTES);
    buffer_format(&names, "{%s}", config_text(CONFIG_QUEUES));
    enum error_code code = buffer_check(&names, "TAPEMILL_QUEUES", error);
    if (!code)
        code = command_session_array(view->leases, view->lease_count, &ids, error);
    if (!code) {
        code = database_query(warehouse, sql_text("ops/queue", "ledger"), DATABASE_VALUES(names.bytes, ids.bytes), rows,
                              error);
        buffer_term(&ids);
    }
    buffer_term(&names);
    return code;
}

/* Fills depths in the order of the ledger's queues. */
static enum error_code
read_depths(struct redis_client *client, const struct rows *rows, struct redis_view *view, struct error *error)
{
    const char *queues[QUEUES_MAX];
    size_t count = rows_count(rows) < QUEUES_MAX ? rows_count(rows) : QUEUES_MAX;
    for (size_t i = 0; i < count; i++)
        queues[i] = rows_text(rows, i, LEDGER_QUEUE);
    return queue_depths(client, queues, count, view->depths, &view->delayed, &view->leased, error);
}

/* Redis first (leases), the ledger about them, then Redis about the ledger's queues. Redis may be away. */
static enum error_code
look(struct database *warehouse, struct redis_view *view, struct rows **rows, struct error *error)
{
    struct redis_client *client = NULL;
    struct error trouble;
    enum error_code redis = redis_client_create(&client, &trouble);
    view->workers = calloc(WORKERS_MAX, sizeof(*view->workers));
    if (!view->workers) {
        redis_client_free(client);
        return error_set(error, ERROR_MEMORY, "out of memory for the queues");
    }
    if (!redis)
        redis = read_leases(warehouse, client, view, &trouble);
    if (!redis)
        redis = queue_workers(client, view->workers, WORKERS_MAX, &view->worker_count, &trouble);
    enum error_code code = query_ledger(warehouse, view, rows, error);
    if (!code && !redis)
        redis = read_depths(client, *rows, view, &trouble);
    view->known = !redis;
    if (redis)
        fprintf(stderr, "tapemill: warning: %s; only the ledger's side is shown\n", trouble.message);
    redis_client_free(client);
    return code;
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

/* Columns as they are shown; from says where in the ledger's rows they are, OF_REDIS that Redis tells. */
enum { OF_REDIS = -1 };

static const struct {
    struct command_column column;
    int from;
} queue_columns[] = {
    {{"queue", COMMAND_KIND_TEXT}, LEDGER_QUEUE},
    {{"state", COMMAND_KIND_TEXT}, LEDGER_STATE},
    {{"limit", COMMAND_KIND_INTEGER}, LEDGER_LIMIT},
    {{"ready", COMMAND_KIND_INTEGER}, OF_REDIS},
    {{"leased", COMMAND_KIND_INTEGER}, LEDGER_LEASED},
    {{"queued", COMMAND_KIND_INTEGER}, LEDGER_QUEUED},
    {{"retry", COMMAND_KIND_INTEGER}, LEDGER_RETRY},
    {{"running", COMMAND_KIND_INTEGER}, LEDGER_RUNNING},
    {{"waiting", COMMAND_KIND_INTEGER}, LEDGER_WAITING},
    {{"parked", COMMAND_KIND_INTEGER}, LEDGER_PARKED},
    {{"paused_at", COMMAND_KIND_TIMESTAMP}, LEDGER_PAUSED_AT},
    {{"paused_by", COMMAND_KIND_TEXT}, LEDGER_PAUSED_BY},
    {{"pause_reason", COMMAND_KIND_TEXT}, LEDGER_PAUSE_REASON},
};
enum { QUEUE_COLUMNS = sizeof(queue_columns) / sizeof(queue_columns[0]) };

static const char *
queue_cell(const struct redis_view *view, const struct rows *rows, size_t row, size_t column, char ready[NUMBER_BYTES])
{
    int from = queue_columns[column].from;
    if (!view->known && (from == OF_REDIS || from == LEDGER_LEASED))
        return NULL;
    if (from == OF_REDIS) {
        (void)snprintf(ready, NUMBER_BYTES, "%" PRId64, view->depths[row].ready);
        return ready;
    }
    return rows_is_null(rows, row, (size_t)from) ? NULL : rows_text(rows, row, (size_t)from);
}

static enum error_code
print_queues(const struct redis_view *view, const struct rows *rows, bool json, struct error *error)
{
    static const char *const table[] = {"queue", "state",   "limit",   "ready",  "leased", "queued",
                                        "retry", "running", "waiting", "parked", NULL};
    static const char *cells[QUEUES_MAX * QUEUE_COLUMNS];
    static char ready[QUEUES_MAX][NUMBER_BYTES];
    struct command_column columns[QUEUE_COLUMNS];
    struct command_style style = {
        .form = command_print_form(json), .empty = "no queues", .member = true, .table_columns = table};
    size_t count = rows_count(rows) < QUEUES_MAX ? rows_count(rows) : QUEUES_MAX;
    for (size_t column = 0; column < QUEUE_COLUMNS; column++)
        columns[column] = queue_columns[column].column;
    for (size_t cell = 0; cell < count * QUEUE_COLUMNS; cell++)
        cells[cell] = queue_cell(view, rows, cell / QUEUE_COLUMNS, cell % QUEUE_COLUMNS, ready[cell / QUEUE_COLUMNS]);
    struct command_grid grid = {columns, QUEUE_COLUMNS, cells, count};
    return command_print_grid(stdout, &grid, &style, error);
}

/* One sentence for each queue that is paused. */
static void
tell_pauses(const struct rows *rows)
{
    for (size_t row = 0; row < rows_count(rows); row++)
        if (!rows_is_null(rows, row, LEDGER_PAUSED_AT))
            printf("%s is paused since %s by %s%s%s; tapemill queue resume %s opens it\n",
                   rows_text(rows, row, LEDGER_QUEUE), rows_text(rows, row, LEDGER_PAUSED_AT),
                   rows_text(rows, row, LEDGER_PAUSED_BY), rows_is_null(rows, row, LEDGER_PAUSE_REASON) ? "" : ": ",
                   rows_text(rows, row, LEDGER_PAUSE_REASON), rows_text(rows, row, LEDGER_QUEUE));
}

static enum error_code
print_workers(const struct redis_view *view, bool json, struct error *error)
{
    static const struct command_column columns[] = {{"worker", COMMAND_KIND_TEXT}, {"doing", COMMAND_KIND_TEXT}};
    struct command_style style = {
        .form = command_print_form(json), .empty = "no worker is running: foreman start", .member = true};
    const char **cells = calloc(view->worker_count * 2 + 1, sizeof(*cells));
    if (!cells)
        return error_set(error, ERROR_MEMORY, "out of memory for %zu workers", view->worker_count);
    for (size_t i = 0; i < view->worker_count; i++) {
        cells[i * 2] = view->workers[i].name;
        cells[i * 2 + 1] = view->workers[i].payload;
    }
    struct command_grid grid = {columns, 2, cells, view->worker_count};
    enum error_code code = command_print_grid(stdout, &grid, &style, error);
    free(cells);
    return code;
}

static enum error_code
print_view(const struct redis_view *view, const struct rows *rows, bool json, struct error *error)
{
    fputs(json ? "{\"queues\": " : "", stdout);
    enum error_code code = print_queues(view, rows, json, error);
    if (!code && !json)
        tell_pauses(rows);
    if (!code && view->known)
        printf(json ? ",\n \"leased\": %" PRId64 ", \"delayed\": %" PRId64 ", \"workers\": "
                    : "\nIn Redis %" PRId64 " leased and %" PRId64 " delayed jobs.\n\n",
               view->leased, view->delayed);
    if (!code && view->known)
        code = print_workers(view, json, error);
    fputs(json ? "}\n" : "", stdout);
    return code;
}

static enum error_code
run_queue(const struct command_line *line, struct error *error)
{
    struct redis_view *view = calloc(1, sizeof(*view));
    struct database *warehouse = NULL;
    struct rows *rows = NULL;
    enum error_code code =
        view ? command_session_open(&warehouse, error) : error_set(error, ERROR_MEMORY, "out of memory for the queues");
    if (!code)
        code = look(warehouse, view, &rows, error);
    if (!code)
        code = print_view(view, rows, command_flag(line, "--json"), error);
    rows_free(rows);
    database_close(warehouse);
    if (view) {
        free(view->leases);
        free(view->workers);
    }
    free(view);
    return code;
}

const struct command command_queue = {
    .name = "queue",
    .usage = "",
    .summary = "show how much work waits on each queue, and the workers; pause, resume or limit a queue",
    .detail =
        "ready and leased are Redis's figures, the others the ledger's. Jobs on delay, or waiting for their next\n"
        "attempt, are delayed in Redis and queued or retry in the ledger; waiting ones wait for other jobs, and those\n"
        "of them that are parked for a place under a limit.",
    .options = (const struct command_option[]){{"--json", NULL, "print JSON", false}, {0}},
    .run = run_queue,
    .verbs = (const struct command *const[]){&command_queue_pause, &command_queue_resume, &command_queue_limit, NULL},
};
