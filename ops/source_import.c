/* tapemill source import: real prints become executions and orders of the desk. One transaction per file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sql.h"
#include "ops/source_command.h"
#include "ops/source_member.h"
#include "ops/source_print.h"
#include "ops/source_reader.h"
#include "ops/source_sink.h"
#include "ops/source_summary.h"
#include "ops/source_tables.h"

#define IMPORT_CLIENT "00000000-0000-4000-8000-000000009000"

enum { MEMBERS_FIRST = 9001, PROGRESS_ROWS = 4096, NUMBER_BYTES = 24, KEY_BYTES = 512 };

static const int64_t file_ids = 1000000000; /* ids of one file */

struct import {
    const char *path;
    const char *format_name;
    int64_t accounts, strategies;
    struct database *database; /* borrowed */
    struct source_reader *reader;
    struct source_print_reader prints;
    struct source_csv_place place;
    struct source_csv_header header;
    struct source_names instruments; /* "venue<tab>symbol" */
    int64_t *instrument_ids;         /* by number of instrument; owned */
    size_t instrument_capacity;
    struct source_sink sink;
    struct source_summary summary;
    struct command_progress progress;
    int64_t file_number, rows;
};

static const char *
print_number(int64_t value, char text[NUMBER_BYTES])
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRId64, value);
    return text;
}

/* ---- members ------------------------------------------------------------------------------------------------- */

/* The client, accounts and strategies the prints are spread over; they begin with the first print. */
static enum error_code
write_members(struct import *import, int64_t first_us, struct error *error)
{
    char tenant[SOURCE_UUID_BYTES], id[NUMBER_BYTES], updated[NUMBER_BYTES];
    (void)source_member_tenant(0, tenant);
    (void)print_number(first_us, updated);
    if (database_query(import->database, sql_text("source/import", "insert_client"),
                       DATABASE_VALUES(IMPORT_CLIENT, tenant, updated), NULL, error))
        return error->code;
    for (int64_t i = 0; i < import->accounts; i++)
        if (database_query(import->database, sql_text("source/import", "insert_account"),
                           DATABASE_VALUES(print_number(MEMBERS_FIRST + i, id), tenant, IMPORT_CLIENT, updated), NULL,
                           error))
            return error->code;
    for (int64_t i = 0; i < import->strategies; i++)
        if (database_query(import->database, sql_text("source/import", "insert_strategy"),
                           DATABASE_VALUES(print_number(MEMBERS_FIRST + i, id), updated), NULL, error))
            return error->code;
    return ERROR_NONE;
}

/* The id of an instrument that is new in this file: it may stand in the source from another one. */
static enum error_code
identify_instrument(struct import *import, const struct source_print *print, int64_t *id, struct error *error)
{
    struct source_print_instrument instrument;
    char updated[NUMBER_BYTES], text[NUMBER_BYTES] = "";
    struct rows *rows = NULL;
    if (source_print_describe(&import->prints, &import->place, print, &instrument, error) ||
        database_query(import->database, sql_text("source/import", "find_instrument"),
                       DATABASE_VALUES(print->venue, print->symbol), &rows, error))
        return error->code;
    bool found = rows_count(rows) > 0;
    *id = found ? rows_integer(rows, 0, 0) : 0;
    rows_free(rows);
    if (found)
        return ERROR_NONE;
    if (database_value(import->database, sql_text("source/import", "insert_instrument"),
                       DATABASE_VALUES(print->venue, print->symbol, instrument.asset_class, instrument.instrument_type,
                                       instrument.country, instrument.currency, instrument.base_currency,
                                       instrument.quote_currency, print_number(print->traded_us, updated)),
                       text, sizeof(text), error))
        return error->code;
    *id = strtoll(text, NULL, 10);
    return ERROR_NONE;
}

static enum error_code
find_instrument(struct import *import, const struct source_print *print, int64_t *id, struct error *error)
{
    char key[KEY_BYTES];
    size_t number = 0;
    bool added = false;
    if ((size_t)snprintf(key, sizeof(key), "%s\t%s", print->venue, print->symbol) >= sizeof(key))
        return error_set(error, ERROR_FORMAT, "%s line %" PRId64 ": venue and symbol are longer than %zu bytes",
                         import->path, import->place.line, sizeof(key) - 2);
    if (source_names_number(&import->instruments, key, &number, &added, error))
        return error->code;
    if (number >= import->instrument_capacity) {
        size_t capacity = import->instrument_capacity ? import->instrument_capacity * 2 : 16;
        int64_t *ids = realloc(import->instrument_ids, capacity * sizeof(*ids));
        if (!ids)
            return error_set(error, ERROR_MEMORY, "out of memory for %zu instruments", number + 1);
        import->instrument_ids = ids;
        import->instrument_capacity = capacity;
    }
    if (added && identify_instrument(import, print, &import->instrument_ids[number], error))
        return error->code;
    *id = import->instrument_ids[number];
    return ERROR_NONE;
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

/* Where a print goes. */
struct assignment {
    int64_t id, instrument, account, strategy;
};

/* Account and strategy follow from a hash of the row's place in the file. */
static struct assignment
assign(const struct import *import, int64_t instrument)
{
    uint64_t hash = source_random_key(0, SOURCE_PART_ASSIGNMENT, 0, (uint64_t)import->rows);
    return (struct assignment){
        .id = import->file_number * file_ids + import->rows,
        .instrument = instrument,
        .account = MEMBERS_FIRST + (int64_t)((hash & 0xFFFFFFFF) % (uint64_t)import->accounts),
        .strategy = MEMBERS_FIRST + (int64_t)((hash >> 32) % (uint64_t)import->strategies),
    };
}

static enum error_code
write_execution(struct import *import, const struct source_print *print, const struct assignment *to,
                struct error *error)
{
    struct source_sink *sink = &import->sink;
    source_sink_begin_row(sink, SOURCE_EXECUTIONS);
    source_sink_integer(sink, to->id);
    source_sink_integer(sink, to->id);
    source_sink_integer(sink, to->account);
    source_sink_integer(sink, to->instrument);
    source_sink_instant(sink, print->traded_us);
    if (print->reported_us)
        source_sink_instant(sink, print->reported_us);
    else
        source_sink_null(sink);
    source_sink_text(sink, print->side);
    source_sink_text(sink, print->quantity);
    source_sink_text(sink, print->price);
    source_sink_integer(sink, 0); /* prints tell of no commission and no fees */
    source_sink_integer(sink, 0);
    source_sink_text(sink, print->liquidity_flag);
    source_sink_text(sink, print->venue);
    source_sink_text(sink, print->cancelled ? "CANCELLED" : "NEW");
    source_sink_instant(sink, print->traded_us);
    return source_sink_end_row(sink, error);
}

static enum error_code
write_order(struct import *import, const struct source_print *print, const struct assignment *to, struct error *error)
{
    struct source_sink *sink = &import->sink;
    char tenant[SOURCE_UUID_BYTES];
    source_sink_begin_row(sink, SOURCE_ORDERS);
    source_sink_integer(sink, to->id);
    source_sink_text(sink, source_member_tenant(0, tenant));
    source_sink_text(sink, IMPORT_CLIENT);
    source_sink_integer(sink, to->account);
    source_sink_integer(sink, to->strategy);
    source_sink_integer(sink, to->instrument);
    source_sink_null(sink);
    source_sink_text(sink, print->order_type);
    source_sink_text(sink, print->side);
    source_sink_text(sink, print->cancelled ? "CANCELLED" : "FILLED");
    source_sink_text(sink, print->quantity);
    source_sink_text(sink, print->cancelled ? "0" : print->quantity);
    source_sink_null(sink);
    source_sink_text(sink, print->cancelled ? NULL : print->price);
    source_sink_integer(sink, !print->cancelled);
    source_sink_null(sink);
    source_sink_null(sink);
    source_sink_instant(sink, print->traded_us);
    source_sink_instant(sink, print->traded_us);
    return source_sink_end_row(sink, error);
}

static enum error_code
write_print(struct import *import, const struct source_print *print, struct error *error)
{
    int64_t instrument = 0;
    if (++import->rows >= file_ids)
        return error_set(error, ERROR_RANGE, "%s has more than %" PRId64 " prints; split it", import->path,
                         file_ids - 1);
    if ((import->rows == 1 && write_members(import, print->traded_us, error)) ||
        find_instrument(import, print, &instrument, error))
        return error->code;
    struct assignment to = assign(import, instrument);
    import->summary.tables[SOURCE_EXECUTIONS].cancelled += print->cancelled;
    if (write_execution(import, print, &to, error))
        return error->code;
    return write_order(import, print, &to, error);
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

/* The next record; *end at the end of the file. */
static enum error_code
next_record(struct import *import, struct source_csv_record *record, bool *end, struct error *error)
{
    char *line = NULL;
    if (source_reader_next(import->reader, &line, error))
        return error->code;
    *end = !line;
    import->place.line = source_reader_line(import->reader);
    return line ? source_csv_split(&import->place, line, record, error) : ERROR_NONE;
}

static enum error_code
read_header(struct import *import, struct error *error)
{
    struct source_csv_record record;
    bool end = false;
    if (next_record(import, &record, &end, error))
        return error->code;
    if (end)
        return error_set(error, ERROR_FORMAT, "%s is empty", import->path);
    if (source_csv_read_header(&import->place, &record, &import->header, error))
        return error->code;
    return source_print_reader_init(&import->prints, source_print_format(import->format_name), &import->place,
                                    &import->header, error);
}

static enum error_code
read_prints(struct import *import, struct error *error)
{
    for (;;) {
        struct source_csv_record record;
        struct source_print print;
        bool end = false;
        if (next_record(import, &record, &end, error))
            return error->code;
        if (end)
            return source_sink_flush(&import->sink, error);
        if (source_csv_check_width(&import->place, &import->header, &record, error) ||
            source_print_read(&import->prints, &import->place, &record, &print, error) ||
            write_print(import, &print, error))
            return error->code;
        if (import->rows % PROGRESS_ROWS == 0)
            command_progress_update(&import->progress, source_reader_done_bytes(import->reader), NULL);
    }
}

/* Remembers which ids the file got. Its content must be new. */
static enum error_code
register_file(struct import *import, struct error *error)
{
    char number[NUMBER_BYTES], first_id[NUMBER_BYTES], rows[NUMBER_BYTES], checksum[NUMBER_BYTES], earlier[256];
    const char *slash = strrchr(import->path, '/');
    (void)snprintf(checksum, sizeof(checksum), "%016" PRIx64, source_reader_checksum(import->reader));
    if (!import->rows)
        return error_set(error, ERROR_FORMAT, "%s holds no print, only a line of column names", import->path);
    if (database_value(import->database, sql_text("source/import", "file_seen"), DATABASE_VALUES(checksum), earlier,
                       sizeof(earlier), error))
        return error->code;
    if (earlier[0])
        return error_set(error, ERROR_ARGUMENT,
                         "the prints of %s were imported before, from %s; empty the source first if they are to be "
                         "imported again (tapemill source init --replace)",
                         import->path, earlier);
    return database_query(import->database, sql_text("source/import", "insert_file"),
                          DATABASE_VALUES(print_number(import->file_number, number), slash ? slash + 1 : import->path,
                                          import->format_name, checksum,
                                          print_number(import->file_number * file_ids, first_id),
                                          print_number(import->rows, rows)),
                          NULL, error);
}

static enum error_code
import_file(struct import *import, struct error *error)
{
    struct source_table_summary *tables = import->summary.tables;
    char number[NUMBER_BYTES];
    if (source_tables_ensure(import->database, error) ||
        database_value(import->database, sql_text("source/import", "next_file"), 0, NULL, number, sizeof(number),
                       error))
        return error->code;
    import->file_number = strtoll(number, NULL, 10);
    if (read_header(import, error) || read_prints(import, error) || register_file(import, error) ||
        source_tables_derive_positions(import->database, &tables[SOURCE_POSITIONS].rows, error))
        return error->code;
    tables[SOURCE_EXECUTIONS].rows = import->sink.rows[SOURCE_EXECUTIONS];
    tables[SOURCE_ORDERS].rows = import->sink.rows[SOURCE_ORDERS];
    return source_summary_store(&import->summary, import->database, error);
}

static enum error_code
read_options(struct import *import, const struct command_line *line, struct error *error)
{
    static const char *const formats[] = {"binance", "taq", NULL};
    import->path = line->words[0];
    import->place.file = import->path;
    if (command_choice(line, "--format", formats, NULL, &import->format_name, error) ||
        command_integer(line, "--accounts", 1, 1000, 4, &import->accounts, error) ||
        command_integer(line, "--strategies", 1, 1000, 3, &import->strategies, error))
        return error->code;
    if (!import->format_name)
        return error_set(error, ERROR_USAGE, "source import must be told what the file holds: --format binance or taq");
    return ERROR_NONE;
}

static enum error_code
run_import(struct import *import, const struct command_line *line, struct error *error)
{
    if (read_options(import, line, error) || source_reader_open(&import->reader, import->path, error) ||
        source_tables_open(&import->database, error))
        return error->code;
    source_sink_init(&import->sink, import->database);
    command_progress_begin(&import->progress, "source import", "bytes", source_reader_file_bytes(import->reader));
    enum error_code code = import_file(import, error);
    if (!code)
        command_progress_update(&import->progress, source_reader_file_bytes(import->reader), NULL);
    command_progress_end(&import->progress, NULL);
    if (!code)
        code = source_summary_print(import->database, command_flag(line, "--json"), error);
    return source_tables_close(import->database, code, error);
}

enum error_code
source_import_run(const struct command_line *line, struct error *error)
{
    struct import *import = calloc(1, sizeof(*import));
    if (!import)
        return error_set(error, ERROR_MEMORY, "out of memory for the import");
    enum error_code code = run_import(import, line, error);
    source_reader_close(import->reader);
    source_print_reader_term(&import->prints);
    source_names_term(&import->instruments);
    source_sink_term(&import->sink);
    free(import->instrument_ids);
    free(import);
    return code;
}
