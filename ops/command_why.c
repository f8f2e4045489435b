/* why: the one answer to "why is it not running?". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "ops/command_session.h"
#include "ops/command_why_causes.h"

enum { JSON_BYTES_MAX = 256 * 1024 };

/* The decisive cause at the end of the chain; NULL where there is no chain. */
static const struct command_why_cause *
root_cause(const struct command_why *why)
{
    const struct command_why_cause *root = NULL;
    for (size_t i = 0; i < why->count; i++)
        if (why->causes[i].depth > (root ? root->depth : 0))
            root = &why->causes[i];
    return root;
}

static void
print_text(const struct command_why *why)
{
    const struct command_why_cause *root = root_cause(why);
    printf("%s%s%s\n", why->causes[0].text, root ? "; in the end: " : "", root ? root->text : "");
    for (size_t i = 1; i < why->count; i++)
        if (&why->causes[i] != root || root->depth > 1)
            printf("%*s- %s\n", 2 + 2 * why->causes[i].depth, "", why->causes[i].text);
}

static enum error_code
print_json(const struct command_why *why, const char *what, int64_t id, struct error *error)
{
    const struct command_why_cause *root = root_cause(why);
    struct buffer json;
    buffer_init(&json, JSON_BYTES_MAX);
    buffer_format(&json, "{\"%s\": %" PRId64 ", \"cause\": \"%s\", \"root_cause\": \"%s\", \"because\": [", what, id,
                  why->causes[0].name, root ? root->name : why->causes[0].name);
    for (size_t i = 0; i < why->count; i++) {
        const struct command_why_cause *cause = &why->causes[i];
        buffer_format(&json,
                      "%s{\"depth\": %d, \"job_id\": %" PRId64 ", \"cause\": \"%s\", \"text\": ", i ? ",\n " : "",
                      cause->depth, cause->job_id, cause->name);
        buffer_json(&json, cause->text, strlen(cause->text));
        buffer_text(&json, "}");
    }
    buffer_text(&json, "]}");
    enum error_code code = buffer_check(&json, "an answer", error);
    if (!code)
        puts(json.bytes);
    buffer_term(&json);
    return code;
}

static enum error_code
run_why(const struct command_line *line, struct error *error)
{
    int64_t id, backfill;
    struct command_why *why;
    if (command_integer(line, "--backfill", 1, INT64_MAX, 0, &backfill, error) ||
        (line->word_count && command_id(line, 0, &id, error)))
        return error->code;
    if ((line->word_count == 1) == (backfill != 0))
        return error_set(error, ERROR_USAGE, "name a job or a backfill: tapemill why ID, or --backfill ID");
    if (!(why = calloc(1, sizeof(*why))))
        return error_set(error, ERROR_MEMORY, "out of memory for an answer");
    enum error_code code = command_session_open(&why->warehouse, error);
    if (!code)
        code = redis_client_create(&why->redis, error);
    if (!code)
        code = backfill ? command_why_backfill(why, backfill, error) : command_why_explain(why, id, 0, error);
    if (!code && command_flag(line, "--json"))
        code = print_json(why, backfill ? "backfill_id" : "job_id", backfill ? backfill : id, error);
    else if (!code)
        print_text(why);
    redis_client_free(why->redis);
    database_close(why->warehouse);
    free(why);
    return code;
}

extern const struct command command_why;
const struct command command_why = {
    .name = "why",
    .usage = "ID",
    .summary = "say why a job is not running, or what it is doing",
    .detail =
        "One sentence first, then what else holds it, and what holds the jobs that it waits for, down to the first\n"
        "cause.",
    .options = (const struct command_option[]){{"--backfill", "ID", "why a backfill does not go on", false},
                                               {"--json", NULL, "print a JSON object", false},
                                               {0}},
    .words_max = 1,
    .run = run_why,
};
