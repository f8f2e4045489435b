#include "jobs/schedule_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "core/json.h"
#include "core/number_text.h"
#include "core/sql.h"
#include "jobs/schedule_file.h"

#define SQL(name) sql_text("ledger/schedule", name)

enum { ARGUMENTS_BYTES_MAX = 128 * 1024 };

enum error_code
schedule_store_now(struct database *database, struct schedule_now *now, struct error *error)
{
    struct number_text offset;
    struct rows *rows;
    if (database_query(database, SQL("look"), DATABASE_VALUES(number_text(&offset, FAILPOINT_CLOCK_OFFSET_MS)), &rows,
                       error))
        return error->code;
    *now = (struct schedule_now){rows_integer(rows, 0, 0), rows_integer(rows, 0, 1), rows_integer(rows, 0, 2)};
    rows_free(rows);
    return ERROR_NONE;
}

/* ---- writing ----------------------------------------------------------------------------------------------- */

/* The arguments as they were given, placeholders and all. */
static enum error_code
write_arguments(const struct schedule *schedule, struct buffer *json, struct error *error)
{
    buffer_clear(json);
    buffer_text(json, "{");
    for (size_t i = 0; i < schedule->argument_count; i++) {
        const struct schedule_argument *argument = &schedule->arguments[i];
        buffer_text(json, i ? ", " : "");
        buffer_json(json, argument->name, strlen(argument->name));
        buffer_text(json, ": ");
        buffer_json(json, argument->value, strlen(argument->value));
    }
    buffer_text(json, "}");
    return buffer_check(json, "the arguments of a schedule", error);
}

static enum error_code
add_schedule(struct database *database, const struct schedule *schedule, const char *version, size_t position,
             struct buffer *json, struct error *error)
{
    struct number_text place;
    char scratch[24];
    const char *values[3 + SCHEDULE_KEY_COUNT];
    int count = 0;
    if (write_arguments(schedule, json, error))
        return error->code;
    values[count++] = version;
    values[count++] = number_text(&place, (int64_t)position);
    values[count++] = json->bytes;
    for (int key = 0; key < SCHEDULE_KEY_COUNT; key++)
        if (key != SCHEDULE_KEY_ARGUMENTS)
            values[count++] = schedule_value(schedule, (enum schedule_key)key, scratch);
    return database_query(database, SQL("add_schedule"), count, values, NULL, error);
}

static enum error_code
add(struct database *database, const struct schedule_set *set, int64_t from_us, const char *origin, int64_t *version,
    struct error *error)
{
    struct number_text from;
    struct buffer json;
    char id[24];
    if (database_value(database, SQL("add_version"), DATABASE_VALUES(number_text(&from, from_us), origin), id,
                       sizeof(id), error))
        return error->code;
    *version = strtoll(id, NULL, 10);
    buffer_init(&json, ARGUMENTS_BYTES_MAX);
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < set->count; i++)
        code = add_schedule(database, &set->items[i], id, i + 1, &json, error);
    buffer_term(&json);
    return code;
}

static enum error_code
end_transaction(struct database *database, enum error_code code, struct error *error)
{
    if (!code)
        code = database_commit(database, error);
    if (code)
        database_rollback(database);
    return code;
}

enum error_code
schedule_store_add(struct database *database, const struct schedule_set *set, int64_t from_us, const char *origin,
                   int64_t *version, struct error *error)
{
    enum error_code code = database_begin(database, error);
    if (!code)
        code = database_query(database, SQL("lock_versions"), 0, NULL, NULL, error);
    if (!code)
        code = add(database, set, from_us, origin, version, error);
    return end_transaction(database, code, error);
}

/* With the lock on versions held. */
static enum error_code
add_first(struct database *database, const char *path, struct arena *arena, int *stored, struct error *error)
{
    struct schedule_now now;
    struct schedule_set set;
    int64_t version;
    if (schedule_store_now(database, &now, error) || now.newest_id)
        return error->code;
    if (schedule_file_read(path, config_text(CONFIG_TIMEZONE), arena, &set, error) ||
        add(database, &set, now.us, path ? path : SCHEDULE_FILE_BUILT_IN, &version, error))
        return error->code;
    *stored = (int)set.count;
    return ERROR_NONE;
}

enum error_code
schedule_store_first(struct database *database, const char *path, int *stored, struct error *error)
{
    struct arena arena;
    *stored = -1;
    error->code = ERROR_NONE;
    arena_init(&arena, SCHEDULE_ARENA_BYTES);
    enum error_code code = database_begin(database, error);
    if (!code)
        code = database_query(database, SQL("lock_versions"), 0, NULL, NULL, error);
    if (!code)
        code = add_first(database, path, &arena, stored, error);
    code = end_transaction(database, code, error);
    arena_term(&arena);
    return code;
}

/* ---- reading ----------------------------------------------------------------------------------------------- */

/* The texts live in object and rows. */
static enum error_code
read_arguments(const char *json, struct schedule_text *text, struct json **object, struct error *error)
{
    if (json_parse_object(json, "the arguments of a schedule", object, error))
        return error->code;
    text->argument_count = json_count(*object);
    if (text->argument_count > SCHEDULE_ARGUMENTS_MAX)
        return error_set(error, ERROR_CONFIG, "a schedule has more than %d arguments", SCHEDULE_ARGUMENTS_MAX);
    for (size_t i = 0; i < text->argument_count; i++) {
        const char *value = json_text(*object, i);
        text->arguments[i] = (struct schedule_argument){json_name(*object, i), value ? value : "", 0};
    }
    return ERROR_NONE;
}

static enum error_code
read_schedule(const struct rows *rows, size_t row, const char *where, struct arena *arena, struct schedule_set *set,
              struct error *error)
{
    struct schedule_text text = {.where = where};
    struct schedule *schedule = &set->items[set->count];
    struct json *object = NULL;
    for (size_t key = 0; key < SCHEDULE_KEY_COUNT; key++)
        text.value[key] = rows_is_null(rows, row, key) ? NULL : rows_text(rows, row, key);
    enum error_code code = read_arguments(text.value[SCHEDULE_KEY_ARGUMENTS], &text, &object, error);
    text.value[SCHEDULE_KEY_ARGUMENTS] = NULL;
    if (!code)
        code = schedule_build(&text, "UTC", set, arena, schedule, error);
    if (code && code != ERROR_MEMORY) {
        const char *name = text.value[SCHEDULE_KEY_NAME];
        *schedule = (struct schedule){.name = arena_copy(arena, name, strlen(name)),
                                      .trouble = arena_copy(arena, error->message, strlen(error->message))};
        code = schedule->name && schedule->trouble ? ERROR_NONE
                                                   : error_set(error, ERROR_MEMORY, "out of memory for a schedule");
    }
    json_free(object);
    set->count += !code;
    return code;
}

enum error_code
schedule_store_read(struct database *database, int64_t version, struct arena *arena, struct schedule_set *set,
                    struct error *error)
{
    struct number_text id;
    struct rows *rows;
    char where[64];
    *set = (struct schedule_set){0};
    (void)snprintf(where, sizeof(where), "version %s of the schedule", number_text(&id, version));
    if (database_query(database, SQL("schedules"), DATABASE_VALUES(id.text), &rows, error))
        return error->code;
    set->items = arena_alloc(arena, (rows_count(rows) + 1) * sizeof(*set->items));
    enum error_code code =
        set->items ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for %zu schedules", rows_count(rows));
    for (size_t i = 0; !code && i < rows_count(rows); i++)
        code = read_schedule(rows, i, where, arena, set, error);
    rows_free(rows);
    return code;
}

static enum error_code
compare(struct database *database, const char *path, struct arena *arena, struct schedule_difference *difference,
        struct error *error)
{
    struct schedule_now now;
    struct schedule_set file, stored;
    struct number_text id;
    struct rows *rows;
    if (schedule_store_now(database, &now, error) ||
        schedule_file_read(path, config_text(CONFIG_TIMEZONE), arena, &file, error) ||
        schedule_store_read(database, now.newest_id, arena, &stored, error) ||
        database_query(database, SQL("origin"), DATABASE_VALUES(number_text(&id, now.newest_id)), &rows, error))
        return error->code;
    difference->differs = !schedule_sets_agree(&file, &stored);
    difference->from_built_in = rows_count(rows) && strcmp(rows_text(rows, 0, 0), SCHEDULE_FILE_BUILT_IN) == 0;
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
schedule_store_compare(struct database *database, const char *path, struct schedule_difference *difference,
                       struct error *error)
{
    struct arena arena;
    arena_init(&arena, SCHEDULE_ARENA_BYTES);
    enum error_code code = compare(database, path, &arena, difference, error);
    arena_term(&arena);
    return code;
}
