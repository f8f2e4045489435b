#include "ops/source_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK_BYTES = 128 * 1024, PATH_SHOWN_BYTES = 256 };

static const unsigned char zstd_magic[4] = {0x28, 0xB5, 0x2F, 0xFD};

struct source_reader {
    char path[PATH_SHOWN_BYTES]; /* what errors call it */
    int descriptor;
    int64_t file_bytes, done_bytes;
    ZSTD_DStream *stream; /* NULL: the file is plain */
    size_t pending;       /* what zstd said of its frame; not 0 at the end of the file: truncated */
    bool file_ended;
    size_t input_length, input_used;
    size_t text_length, text_used;
    int64_t line;
    uint64_t checksum;
    char current[SOURCE_READER_LINE_BYTES];
    unsigned char input[BLOCK_BYTES];
    char text[BLOCK_BYTES];
};

/* Fills the input block from the file. */
static enum error_code
read_block(struct source_reader *reader, struct error *error)
{
    ssize_t length;
    do
        length = read(reader->descriptor, reader->input, sizeof(reader->input));
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return error_set(error, ERROR_IO, "%s cannot be read: %s", reader->path, strerror(errno));
    reader->file_ended = length == 0;
    reader->input_length = (size_t)length;
    reader->input_used = 0;
    reader->done_bytes += length;
    return ERROR_NONE;
}

static enum error_code
start_zstd(struct source_reader *reader, struct error *error)
{
    reader->stream = ZSTD_createDStream();
    if (!reader->stream || ZSTD_isError(ZSTD_initDStream(reader->stream)))
        return error_set(error, ERROR_MEMORY, "out of memory while opening %s", reader->path);
    return ERROR_NONE;
}

static enum error_code
open_file(struct source_reader *reader, const char *path, struct error *error)
{
    struct stat status;
    reader->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->descriptor < 0 || fstat(reader->descriptor, &status) < 0)
        return error_set(error, ERROR_IO, "%s cannot be opened: %s", reader->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_IO, "%s is no file; name a CSV file, plain or compressed by zstd", reader->path);
    reader->file_bytes = status.st_size;
    if (read_block(reader, error))
        return error->code;
    if (reader->file_ended)
        return error_set(error, ERROR_FORMAT, "%s is empty", reader->path);
    if (reader->input_length >= sizeof(zstd_magic) && memcmp(reader->input, zstd_magic, sizeof(zstd_magic)) == 0)
        return start_zstd(reader, error);
    return ERROR_NONE;
}

enum error_code
source_reader_open(struct source_reader **out, const char *path, struct error *error)
{
    struct source_reader *reader = calloc(1, sizeof(*reader));
    *out = NULL;
    if (!reader)
        return error_set(error, ERROR_MEMORY, "out of memory while opening %s", path);
    size_t length = strnlen(path, sizeof(reader->path) - 1);
    memcpy(reader->path, path, length);
    reader->descriptor = -1;
    reader->checksum = 0xCBF29CE484222325u;
    if (open_file(reader, path, error)) {
        source_reader_close(reader);
        return error->code;
    }
    *out = reader;
    return ERROR_NONE;
}

void
source_reader_close(struct source_reader *reader)
{
    if (!reader)
        return;
    if (reader->descriptor >= 0)
        (void)close(reader->descriptor);
    (void)ZSTD_freeDStream(reader->stream);
    free(reader);
}

/* Moves the input block to the text block as it is. */
static void
take_plain(struct source_reader *reader)
{
    memcpy(reader->text, reader->input, reader->input_length);
    reader->text_length = reader->input_length;
    reader->input_used = reader->input_length;
}

static enum error_code
take_zstd(struct source_reader *reader, struct error *error)
{
    ZSTD_inBuffer in = {reader->input, reader->input_length, reader->input_used};
    ZSTD_outBuffer out = {reader->text, sizeof(reader->text), 0};
    size_t result = ZSTD_decompressStream(reader->stream, &out, &in);
    if (ZSTD_isError(result))
        return error_set(error, ERROR_FORMAT, "%s is a damaged zstd file, after line %" PRId64 ": %s", reader->path,
                         reader->line, ZSTD_getErrorName(result));
    /* Without progress the result only asks for the next frame's header. */
    if (in.pos > reader->input_used || out.pos)
        reader->pending = result;
    reader->input_used = in.pos;
    reader->text_length = out.pos;
    return ERROR_NONE;
}

static void
add_to_checksum(struct source_reader *reader)
{
    uint64_t sum = reader->checksum;
    for (size_t i = 0; i < reader->text_length; i++)
        sum = (sum ^ (unsigned char)reader->text[i]) * 0x100000001B3u;
    reader->checksum = sum;
}

/* Fills the text block; leaves it empty at the end of the file. */
static enum error_code
fill_text(struct source_reader *reader, struct error *error)
{
    reader->text_used = 0;
    reader->text_length = 0;
    while (!reader->text_length) {
        if (reader->input_used == reader->input_length && !reader->file_ended && read_block(reader, error))
            return error->code;
        if (reader->stream) {
            if (take_zstd(reader, error))
                return error->code;
        } else {
            take_plain(reader);
        }
        if (!reader->text_length && reader->file_ended)
            break;
    }
    if (!reader->text_length && reader->stream && reader->pending)
        return error_set(error, ERROR_FORMAT,
                         "%s is truncated: its zstd frame does not end, after line %" PRId64 "; fetch the file again",
                         reader->path, reader->line);
    add_to_checksum(reader);
    return ERROR_NONE;
}

static enum error_code
append_to_line(struct source_reader *reader, const char *part, size_t length, size_t *line_length, struct error *error)
{
    if (*line_length + length >= sizeof(reader->current))
        return error_set(error, ERROR_FORMAT, "%s line %" PRId64 " is longer than %d bytes; is it a CSV file?",
                         reader->path, reader->line + 1, SOURCE_READER_LINE_BYTES - 1);
    if (memchr(part, 0, length))
        return error_set(error, ERROR_FORMAT, "%s line %" PRId64 " holds a zero byte; is it a CSV file?", reader->path,
                         reader->line + 1);
    memcpy(reader->current + *line_length, part, length);
    *line_length += length;
    return ERROR_NONE;
}

enum error_code
source_reader_next(struct source_reader *reader, char **line, struct error *error)
{
    size_t length = 0;
    bool complete = false;
    *line = NULL;
    while (!complete) {
        if (reader->text_used == reader->text_length && fill_text(reader, error))
            return error->code;
        if (!reader->text_length) {
            if (!length)
                return ERROR_NONE;
            break; /* the last line has no line end */
        }
        const char *start = reader->text + reader->text_used;
        size_t left = reader->text_length - reader->text_used;
        const char *end = memchr(start, '\n', left);
        complete = end != NULL;
        size_t part = end ? (size_t)(end - start) : left;
        if (append_to_line(reader, start, part, &length, error))
            return error->code;
        reader->text_used += part + complete;
    }
    if (length && reader->current[length - 1] == '\r')
        length--;
    reader->current[length] = 0;
    reader->line++;
    *line = reader->current;
    return ERROR_NONE;
}

int64_t
source_reader_line(const struct source_reader *reader)
{
    return reader->line;
}

uint64_t
source_reader_checksum(const struct source_reader *reader)
{
    return reader->checksum;
}

int64_t
source_reader_file_bytes(const struct source_reader *reader)
{
    return reader->file_bytes;
}

int64_t
source_reader_done_bytes(const struct source_reader *reader)
{
    return reader->done_bytes;
}
