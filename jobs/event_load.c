/* jobs/event_load.c - runs of the events' engine: a business date as a whole, what changed, a whole table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "jobs/changed_dates.h"
#include "jobs/day_lock.h"
#include "jobs/event_fact_internal.h"
#include "jobs/partition.h"

const char *const event_changes_arguments[] = {"since", NULL};

/* ---- a date -------------------------------------------------------------------------------------------------- */

enum error_code
event_load_run(struct job_context *context, const struct event_definition *definition, struct error *error)
{
    struct event_load *load;
    const struct ledger_run *run = context->run;
    if (event_init(&load, context, definition, error) ||
        calendar_date_parse(run->business_date, &load->only_days, error))
        return error->code;
    int32_t date_key = calendar_date_key(load->only_days);
    load->is_whole = true;
    load->range = (struct extract_range){.interval_start = run->interval_start, .interval_end = run->interval_end};
    if (partition_ensure_day(context, definition->fact->table, NULL, date_key, error) ||
        day_lock(context->warehouse, definition->label, date_key, error) || event_stage_begin(load, error) ||
        event_stage_day(load, load->only_days, true, error) || event_stage(load, error) || event_merge(load, error))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"inferred\": %" PRId64 ", \"not_sampled\": %" PRId64 "}", load->inferred, load->not_sampled);
    return ERROR_NONE;
}

/* ---- changes ------------------------------------------------------------------------------------------------- */

static enum error_code
note_dates(struct event_load *load, const struct changed_dates *changed, const int32_t *dates, size_t count,
           struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        bool wanted;
        if (changed_dates_is_wanted(changed, dates[i], &wanted, error) ||
            event_stage_day(load, dates[i], wanted, error))
            return error->code;
        load->dates_left += !wanted;
    }
    return ERROR_NONE;
}

/* The table's lock, and a snapshot that is taken under it. */
static enum error_code
lock_table(struct event_load *load, struct error *error)
{
    struct database *source;
    if (event_lock_moves(load, error))
        return error->code;
    return job_source_anew(load->context, &source, error);
}

/* Locks the dates of what changed, and notes which of them are to be merged; the table, of what has no date. */
static enum error_code
find_dates(struct event_load *load, const struct change_window *window, struct error *error)
{
    const struct event_definition *definition = load->definition;
    if (definition->instant < 0)
        return lock_table(load, error);
    const struct changed_dates changed = {
        .context = load->context,
        .clock = &load->clock,
        .extract = definition->extract,
        .instant = definition->extract->columns[definition->instant].name,
        .label = definition->label,
        .source_table = definition->source_table,
        .window = window,
    };
    int32_t *dates;
    size_t count;
    enum error_code code = changed_dates_find(&changed, &dates, &count, error);
    if (!code)
        code = changed_dates_lock(&changed, dates, count, error);
    if (!code)
        code = note_dates(load, &changed, dates, count, error);
    free(dates);
    return code;
}

static enum error_code
merge_changes(struct event_load *load, const struct change_window *window, struct error *error)
{
    load->range = (struct extract_range){.interval_start = "-infinity",
                                         .interval_end = "infinity",
                                         .changed_from = window->from,
                                         .changed_to = window->to};
    if (event_stage_begin(load, error) || find_dates(load, window, error) || event_stage(load, error))
        return error->code;
    return event_merge(load, error);
}

enum error_code
event_changes_run(struct job_context *context, const struct event_definition *definition, struct error *error)
{
    struct change_request request = changed_dates_request(context, &definition->watermark);
    struct change_window window;
    struct event_load *load;
    if (definition->instant < 0)
        request.hours = "0", request.first_hours = ""; /* nothing else reads what has no date: all there is */
    if (event_init(&load, context, definition, error) || change_windows_find(context, &request, &window, error) ||
        (!window.nothing_new && merge_changes(load, &window, error)))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"from\": \"%s\", \"to\": \"%s\", \"dates\": %" PRId64 ", \"dates_left\": %" PRId64
                   ", \"inferred\": %" PRId64 ", \"not_sampled\": %" PRId64 "}",
                   window.from, window.to, load->dates, load->dates_left, load->inferred, load->not_sampled);
    return changed_dates_end(context, &request, &window, error);
}

/* ---- a table ------------------------------------------------------------------------------------------------- */

enum error_code
event_whole_run(struct job_context *context, const struct event_definition *definition, struct error *error)
{
    struct event_load *load;
    if (event_init(&load, context, definition, error))
        return error->code;
    load->is_whole = true;
    load->range = (struct extract_range){.interval_start = "", .interval_end = ""};
    if (lock_table(load, error) || event_stage_begin(load, error) || event_stage(load, error))
        return error->code;
    return event_merge(load, error);
}
