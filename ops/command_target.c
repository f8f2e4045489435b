#include "ops/command_target.h"

#include <string.h>

#include "core/config.h"
#include "core/json.h"
#include "core/queue.h"

enum { NAMES_MAX = 256, ARGUMENTS_BYTES_MAX = 64 * 1024 };

/* Names of all pipelines and jobs; returns how many. */
static size_t
all_names(const char *names[NAMES_MAX])
{
    size_t pipelines, jobs, count = 0;
    const struct pipeline_definition *const *pipeline = pipeline_all(&pipelines);
    const struct job_definition *const *job = job_all(&jobs);
    for (size_t i = 0; i < pipelines && count < NAMES_MAX; i++)
        names[count++] = pipeline[i]->name;
    for (size_t i = 0; i < jobs && count < NAMES_MAX; i++)
        names[count++] = job[i]->name;
    return count;
}

enum error_code
command_target_find(const char *name, struct command_target *target, struct error *error)
{
    const char *names[NAMES_MAX];
    char list[ERROR_MESSAGE_BYTES / 2] = "";
    *target = (struct command_target){name, job_find(name), pipeline_find(name)};
    if (target->job || target->pipeline)
        return ERROR_NONE;
    size_t count = all_names(names);
    const char *nearest = command_nearest(name, names, count);
    if (nearest)
        return error_set(error, ERROR_USAGE, "there is no job or pipeline \"%.60s\"; did you mean %s?", name, nearest);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
    }
    return error_set(error, ERROR_USAGE, "there is no job or pipeline \"%.60s\"; there are %s", name, list);
}

static void
show_job(FILE *out, const struct job_definition *job)
{
    fprintf(out, "  %-24s%s%s\n", job->name, job->summary,
            job->needs_date   ? " (--date)"
            : job->takes_date ? " ([--date])"
                              : "");
    for (const char *const *argument = job->arguments; argument && *argument; argument++)
        fprintf(out, "  %-24s  --arg %s=VALUE\n", "", *argument);
}

void
command_target_show(FILE *out)
{
    size_t pipelines, jobs;
    const struct pipeline_definition *const *pipeline = pipeline_all(&pipelines);
    const struct job_definition *const *job = job_all(&jobs);
    fprintf(out, "\nPipelines:\n");
    for (size_t i = 0; i < pipelines; i++)
        fprintf(out, "  %-24s%s (--date)\n", pipeline[i]->name, pipeline[i]->summary);
    fprintf(out, "\nJobs:\n");
    for (size_t i = 0; i < jobs; i++)
        show_job(out, job[i]);
}

/* ERROR_USAGE unless the target's job takes an argument of that name. */
static enum error_code
check_argument(const struct command_target *target, const char *name, size_t length, struct error *error)
{
    char list[ERROR_MESSAGE_BYTES / 2] = "";
    const char *const *argument = target->job ? target->job->arguments : NULL;
    for (; argument && *argument; argument++) {
        if (strlen(*argument) == length && memcmp(*argument, name, length) == 0)
            return ERROR_NONE;
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", *argument);
    }
    return error_set(error, ERROR_USAGE, "%s takes no argument \"%.*s\"; it takes %s", target->name,
                     (int)(length > 60 ? 60 : length), name, list[0] ? list : "none");
}

/* How often an argument of that name is among the --arg options. */
static int
times_given(const struct command_line *line, const char *name, size_t length)
{
    int cursor = 0, times = 0;
    for (const char *pair; (pair = command_next_value(line, "--arg", &cursor));)
        times += strncmp(pair, name, length) == 0 && pair[length] == '=';
    return times;
}

enum error_code
command_target_arguments(const struct command_line *line, const struct command_target *target, struct buffer *json,
                         struct error *error)
{
    int cursor = 0;
    buffer_init(json, ARGUMENTS_BYTES_MAX);
    buffer_text(json, "{");
    for (const char *pair; (pair = command_next_value(line, "--arg", &cursor));) {
        size_t length = strcspn(pair, "=");
        if (!length || !pair[length])
            return error_set(error, ERROR_USAGE, "--arg is \"%.60s\"; write NAME=VALUE", pair);
        if (check_argument(target, pair, length, error))
            return error->code;
        if (times_given(line, pair, length) > 1)
            return error_set(error, ERROR_USAGE, "argument %.*s is given twice; give it once", (int)length, pair);
        buffer_text(json, json->length > 1 ? ", " : "");
        buffer_json(json, pair, length);
        buffer_text(json, ": ");
        buffer_json(json, pair + length + 1, strlen(pair + length + 1));
    }
    buffer_text(json, "}");
    return buffer_check(json, "the arguments of a job", error);
}

enum error_code
command_target_check_object(const struct command_target *target, const char *text, const char *what,
                            struct error *error)
{
    struct json *object;
    if (json_parse_object(text, what, &object, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < json_count(object); i++) {
        const char *name = json_name(object, i);
        code = check_argument(target, name, strlen(name), error);
        if (!code && !json_text(object, i))
            code = error_set(error, ERROR_USAGE, "argument %s is no text; write it in quotes", name);
        if (code)
            code = error_context(error, "%s", what);
    }
    json_free(object);
    return code;
}

enum error_code
command_target_jobs(const struct command_target *target, struct buffer *array, struct error *error)
{
    buffer_init(array, ARGUMENTS_BYTES_MAX);
    buffer_text(array, "{");
    if (target->job)
        buffer_text(array, target->job->name);
    for (size_t i = 0; target->pipeline && i < target->pipeline->count; i++)
        buffer_format(array, "%s%s", i ? "," : "", target->pipeline->steps[i].job);
    buffer_text(array, "}");
    return buffer_check(array, "the jobs of a target", error);
}

enum error_code
command_target_queue(const char *queue, struct error *error)
{
    const char *pulled = config_text(CONFIG_QUEUES);
    size_t length = queue ? strlen(queue) : 0;
    if (!queue)
        return ERROR_NONE;
    if (!length || length >= QUEUE_NAME_BYTES || strspn(queue, "abcdefghijklmnopqrstuvwxyz0123456789_-") != length)
        return error_set(error, ERROR_USAGE, "\"%.60s\" is no queue name; write 1 to %d small letters, digits, _ or -",
                         queue, QUEUE_NAME_BYTES - 1);
    while (pulled && !(strncmp(pulled, queue, length) == 0 && (!pulled[length] || pulled[length] == ','))) {
        pulled = strchr(pulled, ',');
        pulled = pulled ? pulled + 1 : NULL;
    }
    if (!pulled)
        fprintf(stderr,
                "tapemill: warning: workers pull %s (TAPEMILL_QUEUES); start one for queue %s too: "
                "tapemill-worker --queues %s\n",
                config_text(CONFIG_QUEUES), queue, queue);
    return ERROR_NONE;
}
