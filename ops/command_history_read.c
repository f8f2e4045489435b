/* Reading what core/history.c wrote. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/command_history.h"

enum { TEXTS_BYTES_MAX = 256 * 1024 * 1024, ROOM_FIRST = 1024 };

/* Makes room for one more element of an array of so many bytes each. */
static enum error_code
make_room(void **array, size_t count, size_t *room, size_t bytes, struct error *error)
{
    if (count < *room)
        return ERROR_NONE;
    size_t wanted = *room ? *room * 2 : ROOM_FIRST;
    void *grown = realloc(*array, wanted * bytes);
    if (!grown)
        return error_set(error, ERROR_MEMORY, "out of memory for the history; check a shorter one");
    *array = grown;
    *room = wanted;
    return ERROR_NONE;
}

#define MAKE_ROOM(history, kind, error)                                                                                \
    make_room((void **)&(history)->kind##s, (history)->kind##_count, &(history)->kind##_room,                          \
              sizeof(*(history)->kind##s), error)

static const char *
keep(struct command_history *history, const char *text, struct error *error)
{
    const char *kept = arena_copy(&history->arena, text, strlen(text));
    if (!kept)
        (void)error_set(error, ERROR_MEMORY, "out of memory for the history; check a shorter one");
    return kept;
}

static enum error_code
read_process(struct command_history *history, const char *file, const char *line, struct error *error)
{
    struct command_history_process process;
    char boot[64];
    if (sscanf(line, "history 1 %d %d %63s", &process.pid, &process.parent, boot) != 3)
        return error_set(error, ERROR_FORMAT, "%s is no history: its first line is \"%.60s\"", file, line);
    if (history->process_count && strcmp(boot, history->boot) != 0)
        return error_set(error, ERROR_FORMAT,
                         "%s is of another boot of the machine than the files before it; their instants cannot be "
                         "compared: check them apart",
                         file);
    memcpy(history->boot, boot, sizeof(boot));
    process.file = keep(history, file, error);
    if (!process.file || make_room((void **)&history->processes, history->process_count, &history->process_room,
                                   sizeof(*history->processes), error))
        return error->code;
    history->processes[history->process_count++] = process;
    return ERROR_NONE;
}

static enum error_code
add_tick(struct command_history *history, const struct command_history_event *event, const char *schedule,
         struct error *error)
{
    struct command_history_tick tick = {
        .us = event->us, .tick_us = event->number, .job_id = event->job_id, .process = event->process};
    tick.schedule = keep(history, schedule, error);
    if (!tick.schedule || MAKE_ROOM(history, tick, error))
        return error->code;
    history->ticks[history->tick_count++] = tick;
    return ERROR_NONE;
}

static enum error_code
read_event(struct command_history *history, const char *file, const char *line, struct error *error)
{
    struct command_history_event event = {.process = (uint32_t)history->process_count - 1};
    char name[32];
    int end = 0;
    if (sscanf(line, "%" SCNd64 " %31s %" SCNd64 " %" SCNd64 " %n", &event.us, name, &event.job_id, &event.number,
               &end) != 4)
        return error_set(error, ERROR_FORMAT, "%s has a line that is no event: \"%.60s\"", file, line);
    while (event.event < HISTORY_EVENT_COUNT && strcmp(history_event_name(event.event), name) != 0)
        event.event++;
    if (event.event == HISTORY_EVENT_COUNT)
        return error_set(error, ERROR_FORMAT, "%s has an event that this version does not know: \"%s\"", file, name);
    history->counts[event.event]++;
    history->first_us = history->first_us && history->first_us < event.us ? history->first_us : event.us;
    history->last_us = history->last_us > event.us ? history->last_us : event.us;
    if (event.event == HISTORY_TICK)
        return add_tick(history, &event, line + end, error);
    if (event.event > HISTORY_TICK)
        return ERROR_NONE;
    if (MAKE_ROOM(history, event, error))
        return error->code;
    history->events[history->event_count++] = event;
    return ERROR_NONE;
}

static enum error_code
read_file(struct command_history *history, const char *directory, const char *name, struct error *error)
{
    char path[4096], *line = NULL;
    size_t size = 0;
    enum error_code code = ERROR_NONE;
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(error, ERROR_IO, "%s cannot be read: %s", path, strerror(errno));
    for (size_t number = 0; !code; number++) {
        ssize_t length = getline(&line, &size, file);
        if (length <= 0 || line[length - 1] != '\n')
            break;
        line[length - 1] = 0;
        code = number ? read_event(history, name, line, error) : read_process(history, name, line, error);
    }
    if (!code && ferror(file))
        code = error_set(error, ERROR_IO, "%s cannot be read: %s", path, strerror(errno));
    free(line);
    (void)fclose(file);
    return code;
}

static int
order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int
order_events(const void *a, const void *b)
{
    const struct command_history_event *left = a, *right = b;
    int by_job = order(left->job_id, right->job_id), by_time = order(left->us, right->us);
    return by_job ? by_job : by_time ? by_time : order(left->process, right->process);
}

static int
order_ticks(const void *a, const void *b)
{
    const struct command_history_tick *left = a, *right = b;
    int by_schedule = strcmp(left->schedule, right->schedule), by_tick = order(left->tick_us, right->tick_us);
    return by_schedule ? by_schedule : by_tick ? by_tick : order(left->us, right->us);
}

enum error_code
command_history_read(struct command_history *history, const char *directory, struct error *error)
{
    enum error_code code = ERROR_NONE;
    *history = (struct command_history){0};
    arena_init(&history->arena, TEXTS_BYTES_MAX);
    DIR *folder = opendir(directory);
    if (!folder)
        return error_set(error, ERROR_IO, "the folder %s cannot be read: %s", directory, strerror(errno));
    for (const struct dirent *entry; !code && (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            code = read_file(history, directory, entry->d_name, error);
    (void)closedir(folder);
    if (!code && !history->process_count)
        code = error_set(error, ERROR_ARGUMENT,
                         "there is no history in %s; did the processes have TAPEMILL_HISTORY_DIR?", directory);
    if (!code && history->event_count)
        qsort(history->events, history->event_count, sizeof(*history->events), order_events);
    if (!code && history->tick_count)
        qsort(history->ticks, history->tick_count, sizeof(*history->ticks), order_ticks);
    return code;
}

void
command_history_term(struct command_history *history)
{
    free(history->processes);
    free(history->events);
    free(history->ticks);
    arena_term(&history->arena);
}
