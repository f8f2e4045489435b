#include "jobs/schedule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/queue.h"
#include "jobs/job.h"
#include "jobs/pipeline.h"
#include "jobs/schedule_argument.h"

enum { PRIORITY_DEFAULT = 5, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

#define WINDOW_DEFAULT "1d"

/* ---- keys and words ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *help;
} keys[] = {
#define KEY(identifier, name, help) {(name), (help)},
#include "jobs/schedule.def"
#undef KEY
};

static const char *const catch_ups[] = {"none", "last", "all", NULL};
static const char *const overlaps[] = {"skip", "queue", "allow", NULL};
static const char *const firsts[] = {"next_tick", "at_once", NULL};
static const char *const date_choices[] = {"none", "to_tick", "completed", "last_completed", NULL};
static const char *const gaps[] = {"next_instant", "skip", NULL};
static const char *const folds[] = {"first", "second", "both", NULL};

static const struct choice {
    const char *const *words;
    int fallback;
} choices[SCHEDULE_KEY_COUNT] = {
    [SCHEDULE_KEY_CATCH_UP] = {catch_ups, SCHEDULE_CATCH_UP_LAST},
    [SCHEDULE_KEY_OVERLAP] = {overlaps, SCHEDULE_OVERLAP_SKIP},
    [SCHEDULE_KEY_FIRST] = {firsts, SCHEDULE_FIRST_NEXT_TICK},
    [SCHEDULE_KEY_DATES] = {date_choices, SCHEDULE_DATES_NONE},
    [SCHEDULE_KEY_GAP] = {gaps, CRON_GAP_NEXT_INSTANT},
    [SCHEDULE_KEY_FOLD] = {folds, CRON_FOLD_FIRST},
};

const char *
schedule_key_name(enum schedule_key key)
{
    return keys[key].name;
}

const char *
schedule_key_help(enum schedule_key key)
{
    return keys[key].help;
}

enum schedule_key
schedule_key_find(const char *name)
{
    int key = 0;
    while (key < SCHEDULE_KEY_COUNT && strcmp(keys[key].name, name) != 0)
        key++;
    return (enum schedule_key)key;
}

const char *const *
schedule_choices(enum schedule_key key)
{
    return choices[key].words;
}

/* ---- building ---------------------------------------------------------------------------------------------- */

/* While one is built. */
struct building {
    const struct schedule_text *text;
    struct schedule *schedule;
    struct arena *arena;
    struct error *error;
};

/* Says what is wrong with a key, and on which line. */
static ERROR_PRINTF(3, 4) enum error_code refuse(const struct building *building, int line, const char *format, ...)
{
    const struct schedule_text *text = building->text;
    const char *name = text->value[SCHEDULE_KEY_NAME];
    char message[ERROR_MESSAGE_BYTES / 2], place[32] = "";
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    line = line ? line : text->first_line;
    if (line)
        (void)snprintf(place, sizeof(place), ", line %d", line);
    return error_set(building->error, ERROR_FORMAT, "%.200s%s: %s%.64s%s%s", text->where, place,
                     name ? "schedule \"" : "", name ? name : "", name ? "\": " : "", message);
}

static const char *
keep(const struct building *building, const char *text)
{
    return text ? arena_copy(building->arena, text, strlen(text)) : NULL;
}

static enum error_code
build_name(const struct building *building)
{
    const char *name = building->text->value[SCHEDULE_KEY_NAME];
    int line = building->text->line[SCHEDULE_KEY_NAME];
    if (!name)
        return refuse(building, line, "a schedule has no \"name\"; give it one");
    if (!name[0] || strlen(name) > SCHEDULE_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name))
        return refuse(building, line, "a name has 1 to %d small letters, digits, _ or -", SCHEDULE_NAME_MAX);
    return ERROR_NONE;
}

static enum error_code
build_choice(const struct building *building, enum schedule_key key, int *value)
{
    const struct choice *choice = &choices[key];
    const char *given = building->text->value[key];
    char list[128] = "";
    *value = choice->fallback;
    if (!given)
        return ERROR_NONE;
    for (int i = 0; choice->words[i]; i++) {
        size_t used = strlen(list);
        if (strcmp(choice->words[i], given) == 0) {
            *value = i;
            return ERROR_NONE;
        }
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", choice->words[i]);
    }
    return refuse(building, building->text->line[key], "\"%s\" is \"%.40s\"; it must be one of %s", keys[key].name,
                  given, list);
}

static enum error_code
build_choices(const struct building *building)
{
    int catch_up, dates, gap, fold, overlap, first;
    if (build_choice(building, SCHEDULE_KEY_CATCH_UP, &catch_up) ||
        build_choice(building, SCHEDULE_KEY_DATES, &dates) || build_choice(building, SCHEDULE_KEY_GAP, &gap) ||
        build_choice(building, SCHEDULE_KEY_FOLD, &fold) || build_choice(building, SCHEDULE_KEY_OVERLAP, &overlap) ||
        build_choice(building, SCHEDULE_KEY_FIRST, &first))
        return building->error->code;
    building->schedule->catch_up = (enum schedule_catch_up)catch_up;
    building->schedule->dates = (enum schedule_dates)dates;
    building->schedule->policy = (struct cron_policy){(enum cron_gap)gap, (enum cron_fold)fold};
    building->schedule->overlap = (enum schedule_overlap)overlap;
    building->schedule->first = (enum schedule_first)first;
    return ERROR_NONE;
}

static enum error_code
build_window(const struct building *building)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, MINUTE_S, HOUR_S, DAY_S};
    const char *given = building->text->value[SCHEDULE_KEY_WINDOW], *window = given ? given : WINDOW_DEFAULT;
    size_t digits = strspn(window, "0123456789");
    const char *unit = window[digits] ? strchr(units, window[digits]) : NULL;
    if (digits < 1 || digits > 8 || !unit || window[digits + 1])
        return refuse(building, building->text->line[SCHEDULE_KEY_WINDOW],
                      "\"catch_up_window\" is \"%.40s\"; write a number and s, m, h or d, such as 12h", window);
    int64_t window_s = strtoll(window, NULL, 10) * seconds[unit - units];
    if (window_s < 1 || window_s > (int64_t)SCHEDULE_WINDOW_DAYS_MAX * DAY_S)
        return refuse(building, building->text->line[SCHEDULE_KEY_WINDOW],
                      "\"catch_up_window\" is %s; it must be from 1s to %dd", window, SCHEDULE_WINDOW_DAYS_MAX);
    building->schedule->window_s = window_s;
    building->schedule->window = keep(building, window);
    return building->schedule->window ? ERROR_NONE
                                      : error_set(building->error, ERROR_MEMORY, "out of memory for a schedule");
}

static enum error_code
build_priority_and_queue(const struct building *building)
{
    const char *priority = building->text->value[SCHEDULE_KEY_PRIORITY];
    const char *queue = building->text->value[SCHEDULE_KEY_QUEUE];
    if (priority && (strlen(priority) != 1 || priority[0] < '0' || priority[0] > '0' + QUEUE_PRIORITY_MAX))
        return refuse(building, building->text->line[SCHEDULE_KEY_PRIORITY],
                      "\"priority\" is %.20s; it must be a whole number from 0 to %d", priority, QUEUE_PRIORITY_MAX);
    if (queue && (!queue[0] || strlen(queue) >= QUEUE_NAME_BYTES ||
                  strspn(queue, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(queue)))
        return refuse(building, building->text->line[SCHEDULE_KEY_QUEUE],
                      "\"queue\" is \"%.60s\"; write 1 to %d small letters, digits, _ or -", queue,
                      QUEUE_NAME_BYTES - 1);
    building->schedule->priority = priority ? priority[0] - '0' : PRIORITY_DEFAULT;
    return ERROR_NONE;
}

/* Zones are large: schedules of a set share them. */
static enum error_code
build_zone(const struct building *building, const char *default_zone, const struct schedule_set *set)
{
    const char *given = building->text->value[SCHEDULE_KEY_TIME_ZONE], *name = given ? given : default_zone;
    struct error error;
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].zone && strcmp(set->items[i].zone->name, name) == 0)
            building->schedule->zone = set->items[i].zone;
    if (building->schedule->zone)
        return ERROR_NONE;
    struct time_zone *zone = arena_alloc(building->arena, sizeof(*zone));
    if (!zone)
        return error_set(building->error, ERROR_MEMORY, "out of memory for a time zone");
    if (time_zone_load(zone, name, &error))
        return refuse(building, building->text->line[SCHEDULE_KEY_TIME_ZONE], "%s", error.message);
    building->schedule->zone = zone;
    return ERROR_NONE;
}

static enum error_code
build_cron(const struct building *building)
{
    const char *cron = building->text->value[SCHEDULE_KEY_CRON];
    int line = building->text->line[SCHEDULE_KEY_CRON];
    struct error error;
    int64_t tick_s;
    if (!cron)
        return refuse(building, line, "there is no \"cron\"; say when it is due, such as \"30 17 * * *\"");
    if (cron_parse(cron, &building->schedule->cron, &error))
        return refuse(building, line, "%s", error.message);
    if (!schedule_next(building->schedule, 0, &tick_s))
        return refuse(building, line, "cron \"%.60s\" is never due; look at its day and month", cron);
    return ERROR_NONE;
}

/* ---- what is enqueued -------------------------------------------------------------------------------------- */

static enum error_code
check_dates(const struct building *building, const struct job_definition *job)
{
    int line = building->text->line[SCHEDULE_KEY_DATES];
    bool needs = !job || job->needs_date, takes = needs || job->takes_date;
    bool given = building->schedule->dates != SCHEDULE_DATES_NONE;
    if (needs && !given)
        return refuse(building, line,
                      "%s works on business dates; add \"dates\": \"to_tick\", \"completed\" or \"last_completed\"",
                      building->schedule->target);
    if (given && !takes)
        return refuse(building, line, "%s is not about a date; leave \"dates\" out", building->schedule->target);
    return ERROR_NONE;
}

static enum error_code
build_target(const struct building *building)
{
    const char *job_name = building->text->value[SCHEDULE_KEY_JOB];
    const char *pipeline_name = building->text->value[SCHEDULE_KEY_PIPELINE];
    const struct job_definition *job = job_name ? job_find(job_name) : NULL;
    const struct pipeline_definition *pipeline = pipeline_name ? pipeline_find(pipeline_name) : NULL;
    if (!job_name == !pipeline_name)
        return refuse(building, 0, "%s; name the one that is enqueued",
                      job_name ? "there are both \"job\" and \"pipeline\"" : "there is no \"job\" or \"pipeline\"");
    if (job_name && !job)
        return refuse(building, building->text->line[SCHEDULE_KEY_JOB],
                      "there is no job \"%.60s\"%s; `tapemill enqueue --help` lists them", job_name,
                      pipeline_find(job_name) ? ", but a pipeline" : "");
    if (pipeline_name && !pipeline)
        return refuse(building, building->text->line[SCHEDULE_KEY_PIPELINE],
                      "there is no pipeline \"%.60s\"%s; `tapemill enqueue --help` lists them", pipeline_name,
                      job_find(pipeline_name) ? ", but a job" : "");
    building->schedule->target = job ? job->name : pipeline->name;
    building->schedule->is_pipeline = !job;
    return check_dates(building, job);
}

static bool
takes_argument(const struct job_definition *job, const char *name)
{
    for (const char *const *argument = job ? job->arguments : NULL; argument && *argument; argument++)
        if (strcmp(*argument, name) == 0)
            return true;
    return false;
}

static enum error_code
build_arguments(const struct building *building)
{
    struct schedule *schedule = building->schedule;
    const struct job_definition *job = schedule->is_pipeline ? NULL : job_find(schedule->target);
    struct error error;
    for (size_t i = 0; i < building->text->argument_count; i++) {
        const struct schedule_argument *given = &building->text->arguments[i];
        if (!takes_argument(job, given->name))
            return refuse(building, given->line, "%s takes no argument \"%.60s\"; `tapemill enqueue --help` lists them",
                          schedule->target, given->name);
        if (schedule_argument_check(given->value, schedule->dates != SCHEDULE_DATES_NONE, &error))
            return refuse(building, given->line, "argument \"%.60s\": %s", given->name, error.message);
        struct schedule_argument *kept = &schedule->arguments[schedule->argument_count++];
        *kept = (struct schedule_argument){keep(building, given->name), keep(building, given->value), given->line};
        if (!kept->name || !kept->value)
            return error_set(building->error, ERROR_MEMORY, "out of memory for a schedule");
    }
    return ERROR_NONE;
}

enum error_code
schedule_build(const struct schedule_text *text, const char *default_zone, const struct schedule_set *set,
               struct arena *arena, struct schedule *schedule, struct error *error)
{
    const struct building building = {text, schedule, arena, error};
    *schedule = (struct schedule){0};
    schedule->name = keep(&building, text->value[SCHEDULE_KEY_NAME]);
    schedule->about = keep(&building, text->value[SCHEDULE_KEY_ABOUT]);
    schedule->cron_text = keep(&building, text->value[SCHEDULE_KEY_CRON]);
    schedule->queue = keep(&building, text->value[SCHEDULE_KEY_QUEUE]);
    if (build_name(&building) || build_choices(&building) || build_window(&building) ||
        build_priority_and_queue(&building) || build_zone(&building, default_zone, set) || build_cron(&building) ||
        build_target(&building) || build_arguments(&building))
        return error->code;
    return schedule->name && schedule->cron_text && !schedule->queue == !text->value[SCHEDULE_KEY_QUEUE]
               ? ERROR_NONE
               : error_set(error, ERROR_MEMORY, "out of memory for a schedule");
}

const struct schedule *
schedule_find(const struct schedule_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return &set->items[i];
    return NULL;
}

const char *
schedule_value(const struct schedule *schedule, enum schedule_key key, char scratch[24])
{
    const char *const values[SCHEDULE_KEY_COUNT] = {
        [SCHEDULE_KEY_NAME] = schedule->name,
        [SCHEDULE_KEY_ABOUT] = schedule->about,
        [SCHEDULE_KEY_CRON] = schedule->cron_text,
        [SCHEDULE_KEY_TIME_ZONE] = schedule->zone->name,
        [SCHEDULE_KEY_JOB] = schedule->is_pipeline ? NULL : schedule->target,
        [SCHEDULE_KEY_PIPELINE] = schedule->is_pipeline ? schedule->target : NULL,
        [SCHEDULE_KEY_DATES] = date_choices[schedule->dates],
        [SCHEDULE_KEY_QUEUE] = schedule->queue,
        [SCHEDULE_KEY_CATCH_UP] = catch_ups[schedule->catch_up],
        [SCHEDULE_KEY_WINDOW] = schedule->window,
        [SCHEDULE_KEY_GAP] = gaps[schedule->policy.gap],
        [SCHEDULE_KEY_FOLD] = folds[schedule->policy.fold],
        [SCHEDULE_KEY_OVERLAP] = overlaps[schedule->overlap],
        [SCHEDULE_KEY_FIRST] = firsts[schedule->first],
    };
    if (key != SCHEDULE_KEY_PRIORITY)
        return values[key];
    (void)snprintf(scratch, 24, "%d", schedule->priority);
    return scratch;
}

const char *
schedule_argument(const struct schedule *schedule, const char *name)
{
    for (size_t i = 0; i < schedule->argument_count; i++)
        if (strcmp(schedule->arguments[i].name, name) == 0)
            return schedule->arguments[i].value;
    return NULL;
}

static bool
agree(const struct schedule *schedule, const struct schedule *other)
{
    char scratch[24], other_scratch[24];
    if (!other || schedule->trouble || other->trouble || schedule->argument_count != other->argument_count)
        return false;
    for (int i = 0; i < SCHEDULE_KEY_COUNT; i++) {
        const char *value = schedule_value(schedule, (enum schedule_key)i, scratch);
        const char *other_value = schedule_value(other, (enum schedule_key)i, other_scratch);
        if (i != SCHEDULE_KEY_ARGUMENTS && strcmp(value ? value : "", other_value ? other_value : "") != 0)
            return false;
    }
    for (size_t i = 0; i < schedule->argument_count; i++) {
        const char *value = schedule_argument(other, schedule->arguments[i].name);
        if (!value || strcmp(value, schedule->arguments[i].value) != 0)
            return false;
    }
    return true;
}

bool
schedule_sets_agree(const struct schedule_set *set, const struct schedule_set *other)
{
    bool same = set->count == other->count;
    for (size_t i = 0; same && i < set->count; i++)
        same = agree(&set->items[i], schedule_find(other, set->items[i].name));
    return same;
}
