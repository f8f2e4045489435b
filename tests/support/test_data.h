/* Where tests find the real data: the environment variable TAPEMILL_TEST_DATA names the folder. */
#ifndef TAPEMILL_TESTS_SUPPORT_TEST_DATA_H
#define TAPEMILL_TESTS_SUPPORT_TEST_DATA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Opens a file of the data for reading, a .zst file through zstd. Without the variable the test is skipped with a
 * sentence; with it a missing file fails the test. Close with test_data_close. */
static inline FILE *
test_data_open(const char *path)
{
    char full[1024];
    char command[1100];
    const char *folder = getenv("TAPEMILL_TEST_DATA");
    if (!folder || !folder[0]) {
        print_message("skipped: set TAPEMILL_TEST_DATA to the folder of the test data to compare with %s\n", path);
        skip();
        abort(); /* skip() does not return */
    }
    (void)snprintf(full, sizeof(full), "%s/%s", folder, path);
    if (access(full, R_OK) != 0)
        fail_msg("TAPEMILL_TEST_DATA is set, but %s cannot be read", full);
    size_t length = strlen(full);
    int compressed = length > 4 && strcmp(full + length - 4, ".zst") == 0;
    (void)snprintf(command, sizeof(command), "%s -- '%s'", compressed ? "zstd -dcq" : "cat", full);
    FILE *file = popen(command, "r");
    assert_non_null(file);
    return file;
}

/* Fails the test if the file could not be read to its end. */
static inline void
test_data_close(FILE *file)
{
    assert_int_equal(pclose(file), 0);
}

#endif
