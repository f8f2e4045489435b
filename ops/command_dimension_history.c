/* dimension history: one member's versions, and the instants at which it was seen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sql.h"
#include "ops/command_dimension.h"
#include "ops/command_session.h"

#define FILE_NAME "ops/dimension"

enum { ID_BYTES = 64, CODE_BYTES = 128, KEYS_BYTES_MAX = 1024 * 1024, LIST_BYTES = 256, UUID_LENGTH = 36 };

struct member {
    struct database *warehouse;
    enum dimension dimension;
    char id[ID_BYTES], code[CODE_BYTES];
    struct buffer keys, counts; /* arrays; empty without --facts */
};

/* ---- which member ------------------------------------------------------------------------------------------ */

/* ERROR_USAGE for a text that was meant as an id, but is none: a number with a sign, or hexadecimal digits with four
 * hyphens that are no uuid. Any other may be a code. */
static enum error_code
check_syntax(enum dimension dimension, const char *text, struct error *error)
{
    bool uuids = command_dimension_has_uuids(dimension);
    size_t length = strlen(text), digits = length ? strspn(text + 1, "0123456789") : 0, hyphens = 0;
    for (const char *at = text; *at; at++)
        hyphens += *at == '-';
    bool is_signed = length > 1 && strchr("+-", text[0]) && digits == length - 1;
    bool shaped = hyphens == 4 && strspn(text, "0123456789abcdefABCDEF-") == length;
    bool uuid = length == UUID_LENGTH && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-';
    if (length && !(uuids ? shaped && !uuid : is_signed))
        return ERROR_NONE;
    return error_set(error, ERROR_USAGE, "\"%.64s\" is no id of the dimension %s; write %s, or %s", text,
                     dimension_name(dimension),
                     uuids ? "a uuid such as 00000000-0000-0000-0000-000000000001" : "a whole number such as 42",
                     command_dimension_code(dimension));
}

/* ERROR_ARGUMENT: nobody has this id or code. Names a code that is like it. */
static enum error_code
unknown_member(const struct member *member, const char *text, struct error *error)
{
    struct rows *rows;
    const char *nearest = NULL;
    if (command_dimension_query(member->warehouse, member->dimension, FILE_NAME, "codes", DATABASE_VALUES(text), &rows,
                                error))
        return error->code;
    size_t count = rows_count(rows);
    const char **codes = calloc(count + 1, sizeof(*codes));
    for (size_t i = 0; codes && i < count; i++)
        codes[i] = rows_text(rows, i, 1);
    if (codes && count)
        nearest = rows_boolean(rows, 0, 0) ? command_nearest(text, codes, count) : codes[0];
    (void)error_set(
        error, ERROR_ARGUMENT,
        "no member of the dimension %s has the id (%s) or the %s \"%.64s\";%s%.64s%s `tapemill dimension list %s` "
        "lists them",
        dimension_name(member->dimension), command_dimension_has_uuids(member->dimension) ? "a uuid" : "a whole number",
        command_dimension_code(member->dimension), text, nearest ? " did you mean " : "", nearest ? nearest : "",
        nearest ? "?" : "", dimension_name(member->dimension));
    free(codes);
    rows_free(rows);
    return error->code;
}

enum { FOUND_ID, FOUND_BY_ID, FOUND_NOW, FOUND_CODE };

/* The row that is meant: the member with this id; else the one whose code it is now; else the only one that had it. -1:
 * that is not clear. */
static int
choose(const struct rows *rows)
{
    int now = -1, members_now = 0, count = (int)rows_count(rows);
    for (int i = 0; i < count; i++) {
        if (rows_boolean(rows, (size_t)i, FOUND_BY_ID))
            return i;
        if (rows_boolean(rows, (size_t)i, FOUND_NOW)) {
            now = i;
            members_now++;
        }
    }
    if (members_now == 1)
        return now;
    return count == 1 ? 0 : -1;
}

static enum error_code
several_members(const struct member *member, const char *text, const struct rows *rows, struct error *error)
{
    char list[LIST_BYTES] = "";
    for (size_t i = 0; i < rows_count(rows); i++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", rows_text(rows, i, FOUND_ID));
    }
    return error_set(
        error, ERROR_ARGUMENT, "%zu members of the dimension %s have or had the %s \"%.64s\"; name one by its id: %s",
        rows_count(rows), dimension_name(member->dimension), command_dimension_code(member->dimension), text, list);
}

static enum error_code
find_member(struct member *member, const char *text, struct error *error)
{
    struct rows *rows;
    if (command_dimension_query(member->warehouse, member->dimension, FILE_NAME, "find", DATABASE_VALUES(text), &rows,
                                error))
        return error->code;
    int chosen = choose(rows);
    enum error_code code = ERROR_NONE;
    if (!rows_count(rows)) {
        code = unknown_member(member, text, error);
    } else if (chosen < 0) {
        code = several_members(member, text, rows, error);
    } else {
        (void)snprintf(member->id, sizeof(member->id), "%s", rows_text(rows, (size_t)chosen, FOUND_ID));
        (void)snprintf(member->code, sizeof(member->code), "%s", rows_text(rows, (size_t)chosen, FOUND_CODE));
        if (rows_count(rows) > 1)
            fprintf(stderr, "tapemill: others have had the %s \"%s\" too; this is the one that has it now\n",
                    command_dimension_code(member->dimension), text);
    }
    rows_free(rows);
    return code;
}

/* ---- facts ------------------------------------------------------------------------------------------------- */

struct key_count {
    int64_t key, facts;
};

/* The member's keys, void ones too; in array text, and as counts to be filled. */
static enum error_code
read_keys(struct member *member, char *keys, size_t size, struct key_count **counts, size_t *count, struct error *error)
{
    struct rows *rows;
    if (command_dimension_query(member->warehouse, member->dimension, FILE_NAME, "keys", DATABASE_VALUES(member->id),
                                &rows, error))
        return error->code;
    const char *text = rows_text(rows, 0, 0);
    enum error_code code = ERROR_NONE;
    *counts = calloc(strlen(text) + 1, sizeof(**counts));
    if (!*counts || strlen(text) >= size)
        code = error_set(error, ERROR_MEMORY, "no room for the keys of a member with %zu bytes of them", strlen(text));
    else
        (void)snprintf(keys, size, "%s", text);
    for (const char *at = text; !code && (at = strpbrk(at, "0123456789")) != NULL; at += strspn(at, "0123456789"))
        (*counts)[(*count)++].key = strtoll(at, NULL, 10);
    rows_free(rows);
    return code;
}

static enum error_code
count_date(const struct member *member, const char *date_key, const char *keys, struct key_count *counts, size_t count,
           struct error *error)
{
    struct rows *rows;
    if (command_dimension_query(member->warehouse, member->dimension, FILE_NAME, "facts",
                                DATABASE_VALUES(date_key, keys), &rows, error))
        return error->code;
    for (size_t row = 0; row < rows_count(rows); row++)
        for (size_t i = 0; i < count; i++)
            if (counts[i].key == rows_integer(rows, row, 0))
                counts[i].facts += rows_integer(rows, row, 1);
    rows_free(rows);
    return ERROR_NONE;
}

static void
put_counts(struct member *member, const struct key_count *counts, size_t count)
{
    buffer_text(&member->keys, "{");
    buffer_text(&member->counts, "{");
    for (size_t i = 0; i < count; i++) {
        buffer_format(&member->keys, "%s%" PRId64, i ? "," : "", counts[i].key);
        buffer_format(&member->counts, "%s%" PRId64, i ? "," : "", counts[i].facts);
    }
    buffer_text(&member->keys, "}");
    buffer_text(&member->counts, "}");
}

/* Counts the live facts of each version, date by date, so that no more than one month is locked. */
static enum error_code
count_facts(struct member *member, const struct command_line *line, struct error *error)
{
    char keys[KEYS_BYTES_MAX / 64];
    struct command_progress progress;
    struct key_count *counts = NULL;
    struct rows *dates;
    size_t count = 0;
    if (command_dimension_dates(line, member->warehouse, &dates, error))
        return error->code;
    enum error_code code = read_keys(member, keys, sizeof(keys), &counts, &count, error);
    command_progress_begin(&progress, "counting facts", "dates", (int64_t)rows_count(dates));
    for (size_t i = 0; !code && i < rows_count(dates); i++) {
        command_progress_update(&progress, (int64_t)i, NULL);
        code = count_date(member, rows_text(dates, i, 0), keys, counts, count, error);
    }
    if (!code) {
        command_progress_update(&progress, (int64_t)rows_count(dates), NULL);
        command_progress_end(&progress, NULL);
        put_counts(member, counts, count);
        if (buffer_check(&member->keys, "the keys of a member", error))
            code = error->code;
        else
            code = buffer_check(&member->counts, "the counts of a member", error);
    }
    free(counts);
    rows_free(dates);
    return code;
}

/* ---- the command ------------------------------------------------------------------------------------------- */

static enum error_code
print_part(const struct member *member, const char *statement, int count, const char *const *values,
           const struct command_style *style, struct error *error)
{
    struct rows *rows;
    if (command_dimension_query(member->warehouse, member->dimension, FILE_NAME, statement, count, values, &rows,
                                error))
        return error->code;
    enum error_code code = command_print_rows(stdout, rows, style, error);
    rows_free(rows);
    return code;
}

static enum error_code
print_json(const struct member *member, const char *keys, const char *counts, struct error *error)
{
    struct command_style style = {.form = COMMAND_FORM_JSON, .member = true};
    struct buffer head;
    bool text = command_dimension_has_uuids(member->dimension);
    buffer_init(&head, KEYS_BYTES_MAX);
    buffer_format(&head, "{\"dimension\": \"%s\", \"id\": %s%s%s, \"%s\": ", dimension_name(member->dimension),
                  text ? "\"" : "", member->id, text ? "\"" : "", command_dimension_code(member->dimension));
    if (member->code[0])
        buffer_json(&head, member->code, strlen(member->code));
    else
        buffer_text(&head, "null");
    buffer_text(&head, ",\n \"versions\": ");
    enum error_code code = buffer_check(&head, "the output", error);
    if (!code)
        fputs(head.bytes, stdout);
    buffer_term(&head);
    if (!code)
        code = print_part(member, "history", DATABASE_VALUES(member->id, keys, counts), &style, error);
    if (code)
        return code;
    fputs(",\n \"observations\": ", stdout);
    code = print_part(member, "observations", DATABASE_VALUES(member->id), &style, error);
    puts("}");
    return code;
}

static enum error_code
print_text(const struct member *member, const struct command_line *line, const char *keys, const char *counts,
           struct error *error)
{
    static const char *const plain[] = {"version", "key",        "valid_from", "valid_to",
                                        "state",   "known_from", "what",       NULL};
    static const char *const with_facts[] = {"version",    "key",   "valid_from", "valid_to", "state",
                                             "known_from", "facts", "what",       NULL};
    struct command_style style = {.form = COMMAND_FORM_TABLE, .table_columns = keys ? with_facts : plain};
    printf("%s %s%s%s\n\n", dimension_name(member->dimension), member->id, member->code[0] ? ": " : "", member->code);
    if (print_part(member, "history", DATABASE_VALUES(member->id, keys, counts), &style, error))
        return error->code;
    if (!command_flag(line, "--observations"))
        return ERROR_NONE;
    style = (struct command_style){.form = COMMAND_FORM_TABLE, .empty = "it was never seen at the source"};
    puts("\nSeen at the source\n");
    return print_part(member, "observations", DATABASE_VALUES(member->id), &style, error);
}

static enum error_code
show(struct member *member, const struct command_line *line, struct error *error)
{
    if (command_flag(line, "--facts") && count_facts(member, line, error))
        return error->code;
    const char *keys = member->keys.bytes, *counts = member->counts.bytes;
    return command_flag(line, "--json") ? print_json(member, keys, counts, error)
                                        : print_text(member, line, keys, counts, error);
}

static enum error_code
run_history(const struct command_line *line, struct error *error)
{
    struct member member = {0};
    const char *text = line->words[1];
    if ((command_value(line, "--from") || command_value(line, "--to")) && !command_flag(line, "--facts"))
        return error_set(error, ERROR_USAGE, "--from and --to choose the dates of --facts; give that too");
    if (command_dimension_find(line->words[0], &member.dimension, error) ||
        check_syntax(member.dimension, text, error) || command_session_open(&member.warehouse, error))
        return error->code;
    buffer_init(&member.keys, KEYS_BYTES_MAX);
    buffer_init(&member.counts, KEYS_BYTES_MAX);
    enum error_code code = find_member(&member, text, error);
    if (!code)
        code = show(&member, line, error);
    buffer_term(&member.keys);
    buffer_term(&member.counts);
    database_close(member.warehouse);
    return code;
}

const struct command command_dimension_history = {
    .name = "dimension history",
    .usage = "NAME ID",
    .summary = "show a member's life: its versions, and what changed with each",
    .detail = "ID is the id at the source, or the code that people know: symbol, account_number, strategy_name,\n"
              "client_code, lp_code. A code that several members had is that of the one that has it now.",
    .options =
        (const struct command_option[]){
            {"--observations", NULL, "also the instants at which it was seen at the source", false},
            {"--facts", NULL, "also how many live facts use each version (reads every date)", false},
            {"--from", "DATE", "with --facts: of this business date or later", false},
            {"--to", "DATE", "with --facts: of this business date or earlier", false},
            {"--json", NULL, "print JSON, with all attributes and observations", false},
            {0}},
    .words_min = 2,
    .words_max = 2,
    .run = run_history,
};
