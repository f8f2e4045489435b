/* links: ops/source_reader.c */
#include "ops/source_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

enum { MANY_LINES = 60000, PATH_BYTES = 64 };

static void
write_file(char path[PATH_BYTES], const void *bytes, size_t length)
{
    (void)snprintf(path, PATH_BYTES, "/tmp/test_source_reader.%ld", (long)getpid());
    FILE *file = fopen(path, "wx");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static char *
compress_text(const char *text, size_t length, size_t *compressed_length)
{
    size_t bound = ZSTD_compressBound(length);
    char *compressed = malloc(bound);
    assert_non_null(compressed);
    *compressed_length = ZSTD_compress(compressed, bound, text, length, 3);
    assert_false(ZSTD_isError(*compressed_length));
    return compressed;
}

/* Reads all lines of a file; returns the code that ended it, the number of lines in *lines. */
static enum error_code
read_all(const char *path, int64_t *lines, uint64_t *checksum, struct error *error)
{
    struct source_reader *reader;
    char *line;
    *lines = 0;
    enum error_code code = source_reader_open(&reader, path, error);
    if (code)
        return code;
    while (!(code = source_reader_next(reader, &line, error)) && line)
        ++*lines;
    assert_int_equal(source_reader_line(reader), *lines);
    *checksum = source_reader_checksum(reader);
    source_reader_close(reader);
    return code;
}

static enum error_code
read_bytes(const void *bytes, size_t length, int64_t *lines, uint64_t *checksum, struct error *error)
{
    char path[PATH_BYTES];
    write_file(path, bytes, length);
    enum error_code code = read_all(path, lines, checksum, error);
    assert_int_equal(unlink(path), 0);
    return code;
}

static void
reads_lines_with_any_end(void **state)
{
    static const char text[] = "one\r\ntwo\n\nfour";
    static const char *const expected[] = {"one", "two", "", "four"};
    char path[PATH_BYTES], *line;
    struct source_reader *reader;
    struct error error = {0};
    (void)state;
    write_file(path, text, strlen(text));
    assert_int_equal(source_reader_open(&reader, path, &error), ERROR_NONE);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(source_reader_next(reader, &line, &error), ERROR_NONE);
        assert_string_equal(line, expected[i]);
        assert_int_equal(source_reader_line(reader), i + 1);
    }
    assert_int_equal(source_reader_next(reader, &line, &error), ERROR_NONE);
    assert_null(line);
    assert_int_equal(source_reader_done_bytes(reader), source_reader_file_bytes(reader));
    source_reader_close(reader);
    assert_int_equal(unlink(path), 0);
}

static char *
make_many_lines(size_t *length)
{
    char *text = malloc(MANY_LINES * 24);
    assert_non_null(text);
    *length = 0;
    for (int i = 0; i < MANY_LINES; i++)
        *length += (size_t)sprintf(text + *length, "%d,%d,XYZ\n", i, i * 7919 % 100003);
    return text;
}

/* The same lines plain, compressed, and compressed in two frames; larger than the blocks they are read by. */
static void
tells_zstd_by_content(void **state)
{
    size_t length, whole_length, first_length, second_length, half;
    int64_t lines;
    uint64_t plain, compressed;
    struct error error = {0};
    (void)state;
    char *text = make_many_lines(&length);
    assert_int_equal(read_bytes(text, length, &lines, &plain, &error), ERROR_NONE);
    assert_int_equal(lines, MANY_LINES);
    char *whole = compress_text(text, length, &whole_length);
    assert_int_equal(read_bytes(whole, whole_length, &lines, &compressed, &error), ERROR_NONE);
    assert_int_equal(lines, MANY_LINES);
    assert_true(plain == compressed);
    half = length / 2;
    char *first = compress_text(text, half, &first_length);
    char *second = compress_text(text + half, length - half, &second_length);
    char *both = malloc(first_length + second_length);
    assert_non_null(both);
    memcpy(both, first, first_length);
    memcpy(both + first_length, second, second_length);
    assert_int_equal(read_bytes(both, first_length + second_length, &lines, &compressed, &error), ERROR_NONE);
    assert_int_equal(lines, MANY_LINES);
    assert_true(plain == compressed);
    free(both);
    free(second);
    free(first);
    free(whole);
    free(text);
}

static void
refuses_truncated_and_damaged(void **state)
{
    size_t length, compressed_length;
    int64_t lines;
    uint64_t checksum;
    struct error error = {0};
    (void)state;
    char *text = make_many_lines(&length);
    char *compressed = compress_text(text, length, &compressed_length);
    for (size_t cut = 1; cut <= compressed_length - 4; cut += 1 + compressed_length / 97) {
        assert_int_equal(read_bytes(compressed, compressed_length - cut, &lines, &checksum, &error), ERROR_FORMAT);
        assert_non_null(strstr(error.message, "is truncated"));
    }
    memset(compressed + compressed_length / 2, 0xFF, 64);
    assert_int_equal(read_bytes(compressed, compressed_length, &lines, &checksum, &error), ERROR_FORMAT);
    free(compressed);
    free(text);
}

static void
refuses_what_is_no_text(void **state)
{
    char long_line[SOURCE_READER_LINE_BYTES + 1];
    int64_t lines;
    uint64_t checksum;
    struct error error = {0};
    (void)state;
    memset(long_line, 'a', sizeof(long_line));
    assert_int_equal(read_bytes(long_line, sizeof(long_line), &lines, &checksum, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "line 1 is longer than 4095 bytes"));
    assert_int_equal(read_bytes(long_line, SOURCE_READER_LINE_BYTES - 1, &lines, &checksum, &error), ERROR_NONE);
    assert_int_equal(lines, 1);
    assert_int_equal(read_bytes("a\nb\0c\n", 6, &lines, &checksum, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "line 2 holds a zero byte"));
    assert_int_equal(read_bytes("", 0, &lines, &checksum, &error), ERROR_FORMAT);
    assert_non_null(strstr(error.message, "is empty"));
}

static void
names_files_it_cannot_read(void **state)
{
    struct source_reader *reader;
    struct error error = {0};
    (void)state;
    assert_int_equal(source_reader_open(&reader, "/nonexistent/prints.csv", &error), ERROR_IO);
    assert_string_equal(error.message, "/nonexistent/prints.csv cannot be opened: No such file or directory");
    assert_null(reader);
    assert_int_equal(source_reader_open(&reader, "/tmp", &error), ERROR_IO);
    source_reader_close(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lines_with_any_end),      cmocka_unit_test(tells_zstd_by_content),
        cmocka_unit_test(refuses_truncated_and_damaged), cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(names_files_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
