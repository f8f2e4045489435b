#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/decimal.h"
#include "ops/command.h"

/* CUT_LEAST: the last column is cut to the terminal only if so many of its characters are left. */
enum { ROW_BYTES_MAX = 256 * 1024 * 1024, GAP = 2, CUT_LEAST = 8 };

/* PostgreSQL's type oids (src/include/catalog/pg_type.dat) whose columns are more than text. */
static const struct {
    uint32_t type;
    enum command_kind kind;
} kinds[] = {
    {16, COMMAND_KIND_BOOLEAN},     {20, COMMAND_KIND_INTEGER},   {21, COMMAND_KIND_INTEGER},
    {23, COMMAND_KIND_INTEGER},     {700, COMMAND_KIND_FLOAT},    {701, COMMAND_KIND_FLOAT},
    {1184, COMMAND_KIND_TIMESTAMP}, {1700, COMMAND_KIND_NUMERIC}, {114, COMMAND_KIND_JSON},
    {3802, COMMAND_KIND_JSON},
};

/* Ends of column names whose integers are names, not amounts: they are not grouped. */
static const char *const identifier_ends[] = {"id", "_key", "_no", "_pid", "port", "priority", "year"};

/* ---- numbers ----------------------------------------------------------------------------------------------- */

/* Copies digits and point with commas between groups of three before the point. */
static void
group_thousands(const char *text, char out[COMMAND_NUMBER_BYTES])
{
    size_t used = 0, sign = text[0] == '-', digits = strcspn(text + sign, ".");
    for (size_t i = 0; text[i] && used + 2 < COMMAND_NUMBER_BYTES; i++) {
        if (i > sign && i < sign + digits && (sign + digits - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = text[i];
    }
    out[used] = 0;
}

const char *
command_print_number(const char *text, int decimals, char out[COMMAND_NUMBER_BYTES])
{
    char plain[DECIMAL_TEXT_BYTES];
    struct decimal value;
    struct error ignored;
    bool number = decimal_from_text(text, strlen(text), &value, &ignored) == ERROR_NONE;
    if (number && decimals < 0)
        value = decimal_normalize(&value);
    else if (number)
        number = decimal_round(&value, (unsigned)decimals, DECIMAL_HALF_AWAY, &value, &ignored) == ERROR_NONE;
    if (number && decimal_to_text(&value, plain, sizeof(plain)))
        group_thousands(plain, out);
    else
        (void)snprintf(out, COMMAND_NUMBER_BYTES, "%s", text);
    return out;
}

static bool
is_identifier(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof(identifier_ends) / sizeof(identifier_ends[0]); i++) {
        size_t end = strlen(identifier_ends[i]);
        if (length >= end && strcmp(name + length - end, identifier_ends[i]) == 0)
            return true;
    }
    return false;
}

static bool
is_number(enum command_kind kind)
{
    return kind == COMMAND_KIND_INTEGER || kind == COMMAND_KIND_NUMERIC || kind == COMMAND_KIND_FLOAT;
}

/* ---- text for people --------------------------------------------------------------------------------------- */

static int
decimals_of(const struct command_style *style, const char *column)
{
    for (const struct command_decimals *entry = style->decimals; entry && entry->column; entry++)
        if (strcmp(entry->column, column) == 0)
            return entry->decimals;
    return -1;
}

/* An instant to the second, its offset kept. */
static const char *
to_second(const char *text, char out[COMMAND_NUMBER_BYTES])
{
    size_t head = strcspn(text, "."), tail = head;
    while (text[tail] == '.' || (text[tail] >= '0' && text[tail] <= '9'))
        tail++;
    (void)snprintf(out, COMMAND_NUMBER_BYTES, "%.*s%s", (int)head, text, text + tail);
    return out;
}

/* What a table shows of a cell: the cell itself or a text in scratch. */
static const char *
shown_text(const struct command_column *column, const char *cell, const struct command_style *style,
           char scratch[COMMAND_NUMBER_BYTES])
{
    if (!cell)
        return style->null_text ? style->null_text : "";
    switch (column->kind) {
    case COMMAND_KIND_BOOLEAN:
        return cell[0] == 't' ? "yes" : "no";
    case COMMAND_KIND_INTEGER:
        return is_identifier(column->name) ? cell : command_print_number(cell, 0, scratch);
    case COMMAND_KIND_NUMERIC:
    case COMMAND_KIND_FLOAT:
        return command_print_number(cell, decimals_of(style, column->name), scratch);
    case COMMAND_KIND_TIMESTAMP:
        return to_second(cell, scratch);
    case COMMAND_KIND_TEXT:
    case COMMAND_KIND_JSON:
        break;
    }
    return cell;
}

static size_t
text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80; /* a UTF-8 character counts at its first byte */
    return width;
}

/* Writes at most room characters; control characters become blanks, so that no data steers a terminal. */
static void
write_text(FILE *out, const char *text, size_t room)
{
    bool cut = text_width(text) > room;
    size_t left = cut && room > 3 ? room - 3 : room;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if ((byte & 0xC0) != 0x80 && left-- == 0)
            break;
        fputc(byte < 32 || byte == 127 ? ' ' : byte, out);
    }
    if (cut && room > 3)
        fputs("...", out);
}

static void
write_heading(FILE *out, const char *name)
{
    for (; *name; name++)
        fputc(*name == '_' ? ' ' : *name, out);
}

static void
write_blanks(FILE *out, size_t count)
{
    fprintf(out, "%*s", (int)count, "");
}

static void
write_dashes(FILE *out, size_t count)
{
    while (count--)
        fputc('-', out);
}

/* Columns of the terminal that out is, or no limit. */
static size_t
line_room(FILE *out)
{
    struct winsize size = {0};
    int descriptor = fileno(out);
    bool terminal = descriptor >= 0 && isatty(descriptor) == 1 && ioctl(descriptor, TIOCGWINSZ, &size) == 0;
    return terminal && size.ws_col > 0 ? size.ws_col : SIZE_MAX;
}

static void
measure(const struct command_grid *grid, const struct command_style *style, size_t *widths)
{
    char scratch[COMMAND_NUMBER_BYTES];
    for (size_t column = 0; column < grid->column_count; column++) {
        widths[column] = text_width(grid->columns[column].name);
        for (size_t row = 0; row < grid->row_count; row++) {
            const char *cell = grid->cells[row * grid->column_count + column];
            size_t width = text_width(shown_text(&grid->columns[column], cell, style, scratch));
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
}

/* What a line of the table is made of. */
enum line_kind { LINE_HEADINGS, LINE_DASHES, LINE_CELLS };

/* Writes what stands in a column, at most limit characters of it. */
static void
write_cell(FILE *out, enum line_kind kind, const char *text, size_t width, size_t limit)
{
    if (kind == LINE_DASHES)
        write_dashes(out, width < limit ? width : limit);
    else if (kind == LINE_CELLS)
        write_text(out, text, limit);
    else
        write_heading(out, text);
}

/* Writes one line of the table. Blanks are written only before something else, so that no line ends with them. */
static void
write_line(FILE *out, const struct command_grid *grid, const struct command_style *style, const size_t *widths,
           enum line_kind kind, const char *const *cells)
{
    char scratch[COMMAND_NUMBER_BYTES];
    size_t room = line_room(out), used = 0, blanks = 0;
    for (size_t i = 0; i < grid->column_count; i++) {
        const struct command_column *column = &grid->columns[i];
        bool last = i + 1 == grid->column_count, right = is_number(column->kind);
        const char *text = kind == LINE_CELLS ? shown_text(column, cells[i], style, scratch) : column->name;
        size_t limit = last && room > used + CUT_LEAST ? room - used : SIZE_MAX;
        size_t padding = kind == LINE_DASHES ? 0 : widths[i] - text_width(text);
        used += widths[i] + GAP;
        if (!text[0]) {
            blanks += GAP + widths[i];
            continue;
        }
        write_blanks(out, blanks + (right ? padding : 0));
        write_cell(out, kind, text, widths[i], limit);
        blanks = GAP + (right ? 0 : padding);
    }
    fputc('\n', out);
}

static enum error_code
write_table(FILE *out, const struct command_grid *grid, const struct command_style *style, struct error *error)
{
    if (!grid->row_count) {
        fprintf(out, "%s\n", style->empty ? style->empty : "none");
        return ERROR_NONE;
    }
    size_t *widths = calloc(grid->column_count + 1, sizeof(*widths));
    if (!widths)
        return error_set(error, ERROR_MEMORY, "out of memory for a table");
    measure(grid, style, widths);
    write_line(out, grid, style, widths, LINE_HEADINGS, NULL);
    write_line(out, grid, style, widths, LINE_DASHES, NULL);
    for (size_t row = 0; row < grid->row_count; row++)
        write_line(out, grid, style, widths, LINE_CELLS, grid->cells + row * grid->column_count);
    free(widths);
    return ERROR_NONE;
}

/* One line per field; nulls are left out. */
static void
write_records(FILE *out, const struct command_grid *grid, const struct command_style *style)
{
    char scratch[COMMAND_NUMBER_BYTES];
    size_t width = 0;
    for (size_t i = 0; i < grid->column_count; i++)
        width = strlen(grid->columns[i].name) > width ? strlen(grid->columns[i].name) : width;
    for (size_t row = 0; row < grid->row_count; row++) {
        if (row)
            fputc('\n', out);
        for (size_t i = 0; i < grid->column_count; i++) {
            const char *cell = grid->cells[row * grid->column_count + i];
            if (!cell)
                continue;
            write_heading(out, grid->columns[i].name);
            write_blanks(out, width - strlen(grid->columns[i].name) + GAP);
            write_text(out, shown_text(&grid->columns[i], cell, style, scratch), SIZE_MAX);
            fputc('\n', out);
        }
    }
}

/* ---- text for programs ------------------------------------------------------------------------------------- */

/* PostgreSQL's "2024-01-02 09:30:00.5-05" as RFC 3339 has it: "2024-01-02T09:30:00.5-05:00". */
static const char *
to_rfc3339(const char *text, char out[COMMAND_NUMBER_BYTES])
{
    (void)snprintf(out, COMMAND_NUMBER_BYTES - 3, "%s", text);
    char *blank = strchr(out, ' ');
    if (!blank)
        return out;
    *blank = 'T';
    char *offset = strpbrk(blank, "+-");
    if (offset && strlen(offset) == 3)
        memcpy(offset + 3, ":00", 4);
    return out;
}

static void
append_json(struct buffer *buffer, enum command_kind kind, const char *cell)
{
    char scratch[COMMAND_NUMBER_BYTES];
    bool raw = kind == COMMAND_KIND_INTEGER || kind == COMMAND_KIND_JSON ||
               (kind == COMMAND_KIND_FLOAT && strpbrk(cell, "nN") == NULL); /* NaN, Infinity are no JSON numbers */
    const char *text = kind == COMMAND_KIND_TIMESTAMP ? to_rfc3339(cell, scratch) : cell;
    if (kind == COMMAND_KIND_BOOLEAN)
        buffer_text(buffer, cell[0] == 't' ? "true" : "false");
    else if (raw)
        buffer_text(buffer, text);
    else
        buffer_json(buffer, text, strlen(text));
}

static void
append_object(struct buffer *buffer, const struct command_grid *grid, size_t row)
{
    for (size_t i = 0; i < grid->column_count; i++) {
        const char *cell = grid->cells[row * grid->column_count + i];
        buffer_text(buffer, i ? ", " : "{");
        buffer_json(buffer, grid->columns[i].name, strlen(grid->columns[i].name));
        buffer_text(buffer, ": ");
        if (cell)
            append_json(buffer, grid->columns[i].kind, cell);
        else
            buffer_text(buffer, "null");
    }
    buffer_text(buffer, "}");
}

static void
append_csv(struct buffer *buffer, const struct command_grid *grid, size_t row)
{
    char scratch[COMMAND_NUMBER_BYTES];
    for (size_t i = 0; i < grid->column_count; i++) {
        const char *cell = grid->cells[row * grid->column_count + i];
        if (i)
            buffer_text(buffer, ",");
        if (!cell)
            continue; /* null is nothing, an empty text is "" */
        if (grid->columns[i].kind == COMMAND_KIND_TIMESTAMP)
            cell = to_rfc3339(cell, scratch);
        if (cell[0] && !strpbrk(cell, ",\"\r\n")) {
            buffer_text(buffer, cell);
            continue;
        }
        buffer_text(buffer, "\"");
        for (; *cell; cell++)
            buffer_append(buffer, *cell == '"' ? "\"\"" : cell, *cell == '"' ? 2 : 1);
        buffer_text(buffer, "\"");
    }
}

/* Writes row by row, so that only one row is held twice. */
static enum error_code
write_rows(FILE *out, const struct command_grid *grid, const struct command_style *style, struct error *error)
{
    struct buffer buffer;
    enum error_code code = ERROR_NONE;
    bool array = style->form == COMMAND_FORM_JSON;
    buffer_init(&buffer, ROW_BYTES_MAX);
    for (size_t row = 0; !code && row < grid->row_count; row++) {
        buffer_clear(&buffer);
        if (array)
            buffer_text(&buffer, row ? ",\n " : "[");
        if (style->form == COMMAND_FORM_CSV)
            append_csv(&buffer, grid, row);
        else
            append_object(&buffer, grid, row);
        if (style->form == COMMAND_FORM_CSV)
            buffer_text(&buffer, "\n");
        code = buffer_check(&buffer, "a line of the output", error);
        if (!code)
            (void)fwrite(buffer.bytes, 1, buffer.length, out);
    }
    buffer_term(&buffer);
    if (array && !code)
        fputs(grid->row_count ? "]" : "[]", out);
    if (style->form != COMMAND_FORM_CSV && !style->member && !code)
        fputc('\n', out);
    return code;
}

/* ---- printing ---------------------------------------------------------------------------------------------- */

enum command_form
command_print_form(bool json)
{
    return json ? COMMAND_FORM_JSON : COMMAND_FORM_TABLE;
}

enum error_code
command_print_grid(FILE *out, const struct command_grid *grid, const struct command_style *style, struct error *error)
{
    switch (style->form) {
    case COMMAND_FORM_TABLE:
        return write_table(out, grid, style, error);
    case COMMAND_FORM_RECORD:
        write_records(out, grid, style);
        return ERROR_NONE;
    case COMMAND_FORM_CSV:
        for (size_t i = 0; i < grid->column_count; i++)
            fprintf(out, "%s%s", i ? "," : "", grid->columns[i].name);
        fputc('\n', out);
        return write_rows(out, grid, style, error);
    case COMMAND_FORM_JSON:
    case COMMAND_FORM_JSON_OBJECT:
        break;
    }
    return write_rows(out, grid, style, error);
}

static enum command_kind
kind_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].type == type)
            return kinds[i].kind;
    return COMMAND_KIND_TEXT;
}

/* Which columns of the result are printed, in order; returns how many. */
static size_t
choose_columns(const struct rows *rows, const struct command_style *style, size_t *chosen)
{
    size_t columns = rows_columns(rows), count = 0;
    if (style->form != COMMAND_FORM_TABLE || !style->table_columns) {
        for (; count < columns; count++)
            chosen[count] = count;
        return count;
    }
    for (const char *const *name = style->table_columns; *name; name++)
        for (size_t i = 0; i < columns && count < columns; i++)
            if (strcmp(*name, rows_name(rows, i)) == 0)
                chosen[count++] = i;
    return count;
}

enum error_code
command_print_rows(FILE *out, const struct rows *rows, const struct command_style *style, struct error *error)
{
    size_t room = rows_columns(rows) + 1, count = rows_count(rows);
    struct command_column *names = calloc(room, sizeof(*names));
    const char **cells = calloc(room * (count + 1), sizeof(*cells));
    size_t *chosen = calloc(room, sizeof(*chosen));
    enum error_code code = ERROR_NONE;
    if (names && cells && chosen) {
        struct command_grid grid = {names, choose_columns(rows, style, chosen), cells, count};
        for (size_t i = 0; i < grid.column_count; i++)
            names[i] = (struct command_column){rows_name(rows, chosen[i]), kind_of(rows_type(rows, chosen[i]))};
        for (size_t i = 0; i < grid.column_count * count; i++) {
            size_t row = i / grid.column_count, column = chosen[i % grid.column_count];
            cells[i] = rows_is_null(rows, row, column) ? NULL : rows_text(rows, row, column);
        }
        code = command_print_grid(out, &grid, style, error);
    } else {
        code = error_set(error, ERROR_MEMORY, "out of memory for a table of %zu rows", count);
    }
    free(names);
    free(cells);
    free(chosen);
    return code;
}

enum error_code
command_print(const struct rows *rows, bool json, struct error *error)
{
    struct command_style style = {.form = command_print_form(json)};
    return command_print_rows(stdout, rows, &style, error);
}
