#include "scheduler/alert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/log.h"
#include "core/sql.h"
#include "scheduler/alert_text.h"

#define FILE_SQL "ledger/alert"

enum { TEXT_CEILING = 64 * 1024, NUMBER_BYTES = 24, REASON_BYTES_MAX = 60 };

void
alert_init(struct alert_delivery *delivery, struct http_client *http, const char *url)
{
    *delivery = (struct alert_delivery){.http = http, .url = url, .outage = {.what = "Slack webhook"}};
}

static void
free_message(struct alert_message *message)
{
    free(message->ids);
    *message = (struct alert_message){.ids = NULL};
}

void
alert_term(struct alert_delivery *delivery)
{
    for (size_t i = 0; i < ALERT_MESSAGES_MAX; i++)
        free_message(&delivery->messages[i]);
}

int64_t
alert_pause_ms(int64_t attempts)
{
    int64_t pause_ms = ALERT_FIRST_PAUSE_MS;
    while (--attempts > 0 && pause_ms < ALERT_LONGEST_PAUSE_MS)
        pause_ms *= 2;
    return pause_ms < ALERT_LONGEST_PAUSE_MS ? pause_ms : ALERT_LONGEST_PAUSE_MS;
}

/* ---- answers ----------------------------------------------------------------------------------------------- */

/* Slack says why in one word (no_service, invalid_payload). Anything else may repeat the address, and is left out. */
static bool
is_reason(const char *answer)
{
    size_t length = strlen(answer);
    return length && length <= REASON_BYTES_MAX && strspn(answer, "abcdefghijklmnopqrstuvwxyz_") == length;
}

void
alert_describe(const struct http_result *result, char text[ALERT_ERROR_BYTES])
{
    bool reason = is_reason(result->answer);
    if (result->failure.code)
        (void)snprintf(text, ALERT_ERROR_BYTES, "the webhook gave no answer: %.150s", result->failure.message);
    else if (result->status >= 200 && result->status <= 299)
        text[0] = 0;
    else
        (void)snprintf(text, ALERT_ERROR_BYTES, "the webhook answered %ld%s%.60s%s", result->status, reason ? " (" : "",
                       reason ? result->answer : "", reason ? ")" : "");
}

static void
take_answer(struct alert_delivery *delivery, const struct http_result *result)
{
    struct alert_message *message = &delivery->messages[result->tag];
    struct error error;
    message->answered = true;
    alert_describe(result, message->failure);
    if (!message->failure[0]) {
        outage_end(&delivery->outage);
        return;
    }
    (void)error_set(&error, ERROR_HTTP, "%s; check TAPEMILL_SLACK_WEBHOOK_URL", message->failure);
    outage_begin(&delivery->outage, &error);
}

bool
alert_poll(struct alert_delivery *delivery)
{
    struct http_result result;
    struct error error;
    bool taken = false, answered = false;
    if (http_advance(delivery->http, &error))
        outage_begin(&delivery->outage, &error);
    for (http_take(delivery->http, &result, &taken); taken; http_take(delivery->http, &result, &taken)) {
        take_answer(delivery, &result);
        answered = true;
    }
    return answered;
}

/* Writes what became of a message, and frees its place. */
static enum error_code
mark(struct alert_message *message, struct database *database, struct error *error)
{
    char pause[NUMBER_BYTES];
    enum error_code code;
    (void)snprintf(pause, sizeof(pause), "%" PRId64, clock_jitter_ms(alert_pause_ms(message->attempts)));
    if (message->failure[0])
        code = database_query(database, sql_text(FILE_SQL, "failed"),
                              DATABASE_VALUES(message->ids, pause, message->failure), NULL, error);
    else
        code = database_query(database, sql_text(FILE_SQL, "delivered"), DATABASE_VALUES(message->ids), NULL, error);
    if (!code)
        free_message(message);
    return code;
}

/* ---- messages ---------------------------------------------------------------------------------------------- */

static void
read_entry(const struct rows *rows, size_t row, struct alert_entry *entry)
{
    const char **const texts[] = {&entry->id,     &entry->cause,    &entry->severity,  &entry->title,     &entry->body,
                                  &entry->job_id, &entry->job_name, &entry->job_error, &entry->created_at};
    for (size_t column = 0; column < sizeof(texts) / sizeof(texts[0]); column++)
        *texts[column] = rows_text(rows, row, column);
}

/* The webhook's body for the claimed alerts; *body is malloc'd. */
static enum error_code
write_body(const struct rows *rows, char **body, struct error *error)
{
    size_t count = rows_count(rows);
    struct alert_entry *entries = calloc(count, sizeof(*entries));
    struct buffer text;
    *body = NULL;
    if (!entries)
        return error_set(error, ERROR_MEMORY, "no memory for a message of %zu alerts", count);
    for (size_t row = 0; row < count; row++)
        read_entry(rows, row, &entries[row]);
    buffer_init(&text, TEXT_CEILING);
    alert_text_write(&text, entries, count);
    free(entries);
    enum error_code code = buffer_check(&text, "the text of an alert", error);
    struct json *json = json_object();
    json_set(json, "text", text.bytes ? text.bytes : "");
    if (!code)
        code = json_print(json, body, error);
    json_free(json);
    buffer_term(&text);
    return code;
}

/* "{1,2,3}" */
static char *
list_ids(const struct rows *rows)
{
    struct buffer list;
    buffer_init(&list, (size_t)ALERT_GROUP_MAX * NUMBER_BYTES);
    for (size_t row = 0; row < rows_count(rows); row++)
        buffer_format(&list, "%c%s", row ? ',' : '{', rows_text(rows, row, 0));
    buffer_text(&list, "}");
    char *ids = list.bytes && !list.failed ? strdup(list.bytes) : NULL;
    buffer_term(&list);
    return ids;
}

/* Posts the claimed alerts. What goes wrong here becomes the message's failure: the claim is then given back with a
 * pause, as after a bad answer. */
static enum error_code
post(struct alert_delivery *delivery, struct alert_message *message, const struct rows *rows, struct error *error)
{
    char *body = NULL;
    message->ids = list_ids(rows);
    if (!message->ids)
        return error_set(error, ERROR_MEMORY, "no memory for a list of alerts");
    message->attempts = rows_integer(rows, 0, 9);
    enum error_code code = write_body(rows, &body, error);
    if (!code)
        code = http_post(delivery->http, delivery->url, body, ALERT_TIMEOUT_MS, message - delivery->messages, error);
    free(body);
    if (!code)
        return ERROR_NONE;
    message->answered = true;
    (void)snprintf(message->failure, sizeof(message->failure), "%.150s", error->message);
    outage_begin(&delivery->outage, error);
    return ERROR_NONE;
}

/* Claims one cause and starts its message; *started is false when there is none. */
static enum error_code
start(struct alert_delivery *delivery, struct alert_message *message, bool *started, struct database *database,
      struct error *error)
{
    char claim[NUMBER_BYTES], most[NUMBER_BYTES], gather[NUMBER_BYTES];
    struct rows *rows;
    (void)snprintf(claim, sizeof(claim), "%d", ALERT_CLAIM_MS);
    (void)snprintf(most, sizeof(most), "%d", ALERT_GROUP_MAX);
    (void)snprintf(gather, sizeof(gather), "%d", ALERT_GATHER_MS);
    *started = false;
    enum error_code code =
        database_query(database, sql_text(FILE_SQL, "claim"), DATABASE_VALUES(claim, most, gather), &rows, error);
    if (code)
        return code;
    *started = rows_count(rows) > 0;
    if (*started)
        code = post(delivery, message, rows, error);
    rows_free(rows);
    return code;
}

enum error_code
alert_advance(struct alert_delivery *delivery, bool may_start, struct database *database, int64_t now_ms,
              struct error *error)
{
    enum error_code code = ERROR_NONE;
    bool started = true;
    for (size_t i = 0; !code && i < ALERT_MESSAGES_MAX; i++)
        if (delivery->messages[i].answered)
            code = mark(&delivery->messages[i], database, error);
    if (code || !may_start || !delivery->url || now_ms < delivery->look_ms)
        return code;
    delivery->look_ms = now_ms + ALERT_LOOK_MS;
    for (size_t i = 0; !code && started && i < ALERT_MESSAGES_MAX; i++)
        if (!delivery->messages[i].ids && outage_may_try(&delivery->outage))
            code = start(delivery, &delivery->messages[i], &started, database, error);
    return code;
}
