/* The HTTP client against a server in a child process on a free port of the loopback interface. */
#include "core/clock.h"
#include "core/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 30000, PATIENT_MS = 20000, REQUEST_BYTES = 8192, URL_BYTES = 64 };

/* ---- server ------------------------------------------------------------------------------------------------ */

struct server {
    pid_t process;
    int port;
};

/* Reads one request: its header and as much body as Content-Length says. */
static size_t
read_request(int connection, char *request, size_t size)
{
    size_t length = 0, wanted = size - 1;
    while (length < wanted) {
        ssize_t got = read(connection, request + length, wanted - length);
        if (got <= 0)
            break;
        length += (size_t)got;
        request[length] = 0;
        const char *body = strstr(request, "\r\n\r\n"), *field = strstr(request, "Content-Length: ");
        if (body && field)
            wanted = (size_t)(body + 4 - request) + strtoul(field + 16, NULL, 10);
    }
    request[length] = 0;
    return length;
}

static void
send_text(int connection, const char *text)
{
    for (size_t sent = 0, length = strlen(text); sent < length;) {
        ssize_t written = send(connection, text + sent, length - sent, MSG_NOSIGNAL);
        if (written <= 0)
            return;
        sent += (size_t)written;
    }
}

/* Answers by the path asked for. */
static void
answer(int connection)
{
    char request[REQUEST_BYTES];
    (void)read_request(connection, request, sizeof(request));
    if (strncmp(request, "POST /echo ", 11) == 0) {
        const char *body = strstr(request, "\r\n\r\n");
        bool typed = strstr(request, "Content-Type: application/json") && !strstr(request, "Expect:");
        send_text(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        send_text(connection, typed ? body + 4 : "wrong header");
    } else if (strncmp(request, "POST /fail ", 11) == 0) {
        send_text(connection, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 10\r\n\r\nno_service");
    } else if (strncmp(request, "POST /moved ", 12) == 0) {
        send_text(connection, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(request, "POST /bytes ", 12) == 0) {
        send_text(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na\x01\n\xc3\xa9z");
    } else if (strncmp(request, "POST /huge ", 11) == 0) {
        char block[REQUEST_BYTES];
        memset(block, 'x', sizeof(block) - 1);
        block[sizeof(block) - 1] = 0;
        send_text(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while (send(connection, block, sizeof(block), MSG_NOSIGNAL) > 0)
            ; /* until the client hangs up */
    } else if (strncmp(request, "POST /nonsense ", 15) == 0) {
        send_text(connection, "220 mail.example.org ready\r\n");
    } else if (strncmp(request, "POST /silent ", 13) == 0) {
        while (read(connection, request, 1) > 0)
            ; /* never answers: waits until the client hangs up */
    }
}

static int
listen_on_free_port(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return listener;
}

/* One child for each connection, so that a silent one holds up no other. */
static void
serve(int listener)
{
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        if (fork() == 0) {
            answer(connection);
            (void)shutdown(connection, SHUT_RDWR);
            _exit(0);
        }
        (void)close(connection);
    }
}

static struct server server;
static struct http_client *client;

static int
start(void **state)
{
    struct error error;
    (void)state;
    int listener = listen_on_free_port(&server.port);
    server.process = fork();
    if (server.process == 0)
        serve(listener);
    (void)close(listener);
    (void)setenv("no_proxy", "127.0.0.1", 1);
    return server.process < 0 || http_client_create(&client, &error) != ERROR_NONE;
}

static int
stop(void **state)
{
    (void)state;
    http_client_free(client);
    (void)kill(server.process, SIGTERM);
    return waitpid(server.process, NULL, 0) != server.process;
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

static void
post(const char *path, int port, int64_t timeout_ms, int64_t tag)
{
    struct error error;
    char url[URL_BYTES];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, path);
    if (http_post(client, url, "{\"text\":\"hello\"}", timeout_ms, tag, &error))
        fail_msg("%s", error.message);
}

static void
await(struct http_result *result)
{
    struct error error;
    bool taken = false;
    for (int64_t deadline_ms = clock_monotonic_ms() + DEADLINE_MS; !taken;) {
        assert_true(clock_monotonic_ms() < deadline_ms);
        assert_int_equal(http_wait(client, -1, 100, &error), ERROR_NONE);
        assert_int_equal(http_advance(client, &error), ERROR_NONE);
        http_take(client, result, &taken);
    }
}

static void
assert_answer(const char *path, long status, const char *text)
{
    struct http_result result;
    post(path, server.port, PATIENT_MS, 1);
    await(&result);
    if (result.failure.code)
        fail_msg("%s: %s", path, result.failure.message);
    assert_int_equal(result.status, status);
    assert_string_equal(result.answer, text);
}

static void
posts_and_reads_the_answer(void **state)
{
    (void)state;
    assert_answer("echo", 200, "{\"text\":\"hello\"}");
    assert_answer("fail", 500, "no_service");
    assert_answer("moved", 302, ""); /* not followed */
    assert_answer("bytes", 200, "a    z");
}

static void
hangs_up_on_a_huge_answer(void **state)
{
    (void)state;
    struct http_result result;
    post("huge", server.port, PATIENT_MS, 1);
    await(&result);
    assert_int_equal(result.failure.code, ERROR_NONE);
    assert_int_equal(result.status, 200);
    assert_int_equal(strlen(result.answer), HTTP_ANSWER_BYTES - 1);
}

/* The failure is named, without the address. */
static void
assert_failure(const char *path, int port, int64_t timeout_ms, const char *says)
{
    struct http_result result;
    post(path, port, timeout_ms, 1);
    await(&result);
    assert_int_equal(result.failure.code, ERROR_HTTP);
    assert_int_equal(result.status, 0);
    if (!strstr(result.failure.message, says))
        fail_msg("%s: %s", path, result.failure.message);
    assert_null(strstr(result.failure.message, "127.0.0.1"));
    assert_null(strstr(result.failure.message, path));
}

static void
names_failures_without_the_address(void **state)
{
    (void)state;
    int closed_port;
    (void)close(listen_on_free_port(&closed_port));
    assert_failure("refused", closed_port, PATIENT_MS, "Couldn't connect");
    assert_failure("silent", server.port, 100, "Timeout");
    assert_failure("hang_up", server.port, PATIENT_MS, "no data");
    assert_failure("nonsense", server.port, PATIENT_MS, "");
}

static void
a_silent_server_holds_up_no_other(void **state)
{
    (void)state;
    struct http_result result;
    post("silent", server.port, PATIENT_MS, 17);
    post("echo", server.port, PATIENT_MS, 18);
    assert_int_equal(http_pending(client), 2);
    await(&result);
    assert_int_equal(result.tag, 18);
    assert_int_equal(http_pending(client), 1);
    /* The silent one ends with its client; what comes after needs a new one. */
    struct error error;
    http_client_free(client);
    assert_int_equal(http_client_create(&client, &error), ERROR_NONE);
    assert_int_equal(http_pending(client), 0);
}

static void
carries_only_so_many(void **state)
{
    (void)state;
    struct error error;
    struct http_result result;
    for (int64_t tag = 0; tag < HTTP_REQUESTS_MAX; tag++)
        post("echo", server.port, PATIENT_MS, tag);
    assert_int_equal(http_post(client, "http://127.0.0.1/", "{}", PATIENT_MS, 0, &error), ERROR_HTTP);
    for (int count = 0; count < HTTP_REQUESTS_MAX; count++)
        await(&result);
    assert_int_equal(http_pending(client), 0);
}

static void
refuses_what_is_no_web_address(void **state)
{
    (void)state;
    struct error error;
    assert_int_equal(http_post(client, "ftp://secret/file", "{}", 1000, 0, &error), ERROR_CONFIG);
    assert_null(strstr(error.message, "secret"));
    assert_int_equal(http_post(client, "", "{}", 1000, 0, &error), ERROR_CONFIG);
    assert_false(http_is_address("https://"));
    assert_false(http_is_address("file:///etc/passwd"));
    assert_true(http_is_address("HTTPS://hooks.example.org/x"));
    assert_int_equal(http_pending(client), 0);
}

static void
waiting_ends_when_a_descriptor_is_readable(void **state)
{
    (void)state;
    struct error error;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    /* Would otherwise last longer than the test may. */
    assert_int_equal(http_wait(client, ends[0], (int64_t)3600 * 1000, &error), ERROR_NONE);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_and_reads_the_answer),
        cmocka_unit_test(hangs_up_on_a_huge_answer),
        cmocka_unit_test(names_failures_without_the_address),
        cmocka_unit_test(a_silent_server_holds_up_no_other),
        cmocka_unit_test(carries_only_so_many),
        cmocka_unit_test(refuses_what_is_no_web_address),
        cmocka_unit_test(waiting_ends_when_a_descriptor_is_readable),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
