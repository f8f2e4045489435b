#include "jobs/trade_changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "jobs/changed_dates.h"
#include "jobs/trade_load_internal.h"

const char *const trade_changes_arguments[] = {"since", NULL};

struct changes {
    struct trade_load load;
    struct change_window window;
    int64_t dates, dates_left;
};

static enum error_code
merge_date(struct changes *changes, const struct changed_dates *changed, int32_t days, struct error *error)
{
    struct trade_load *load = &changes->load;
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    bool wanted = false;
    if (changed_dates_is_wanted(changed, days, &wanted, error))
        return error->code;
    wanted = wanted && business_clock_interval(&load->clock, days, start, end);
    changes->dates += wanted;
    changes->dates_left += !wanted;
    if (!wanted)
        return ERROR_NONE;
    const struct extract_range range = {.interval_start = start,
                                        .interval_end = end,
                                        .changed_from = changes->window.from,
                                        .changed_to = changes->window.to};
    trade_load_choose_date(load, days, &range);
    return trade_merge(load, error) ? error->code : trade_load_report_rates(load, error);
}

static enum error_code
merge_dates(struct changes *changes, struct error *error)
{
    const struct trade_load *load = &changes->load;
    const struct changed_dates changed = {
        .context = load->context,
        .clock = &load->clock,
        .extract = load->definition->extract,
        .instant = "executed_at",
        .label = load->definition->source_label,
        .source_table = load->definition->source_table,
        .window = &changes->window,
    };
    int32_t *dates;
    size_t count;
    enum error_code code = changed_dates_find(&changed, &dates, &count, error);
    if (!code && count)
        code = changed_dates_lock(&changed, dates, count, error);
    for (size_t i = 0; !code && i < count; i++)
        code = merge_date(changes, &changed, dates[i], error);
    free(dates);
    return code;
}

static enum error_code
run_changes(struct changes *changes, struct error *error)
{
    struct job_context *context = changes->load.context;
    const struct change_request request = changed_dates_request(context, &changes->load.definition->changed_table);
    if (change_windows_find(context, &request, &changes->window, error) ||
        (!changes->window.nothing_new && merge_dates(changes, error)))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"from\": \"%s\", \"to\": \"%s\", \"dates\": %" PRId64 ", \"dates_left\": %" PRId64
                   ", \"inferred\": %" PRId64 "}",
                   changes->window.from, changes->window.to, changes->dates, changes->dates_left,
                   changes->load.inferred);
    return changed_dates_end(context, &request, &changes->window, error);
}

enum error_code
trade_changes_run(struct job_context *context, const struct trade_load_definition *definition, struct error *error)
{
    struct changes *changes = arena_alloc(context->arena, sizeof(*changes));
    if (!changes)
        return error_set(error, ERROR_MEMORY, "out of memory for a load");
    *changes = (struct changes){0};
    enum error_code code = trade_load_init(&changes->load, context, definition, error);
    if (!code)
        code = run_changes(changes, error);
    trade_stage_free(&changes->load);
    return code;
}
