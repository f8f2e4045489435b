/* core/http.h - POST requests that nobody waits for. The only door to libcurl.
 *
 * A client carries a few requests at once (HTTP_REQUESTS_MAX). http_post() starts one and returns; http_advance() moves
 * all of them on without blocking; http_take() hands out one that has ended. http_wait() sleeps until a request needs
 * attention, another descriptor is readable, or the time is over.
 *
 * Addresses are secrets here (a webhook's path is its password): no error and no answer contains one. Redirects are not
 * followed, since they would carry the body to another address. Of an answer at most HTTP_ANSWER_BYTES are kept and
 * HTTP_ANSWER_READ_MAX read: a server that sends more is hung up on, and its status counts. */
#ifndef TAPEMILL_CORE_HTTP_H
#define TAPEMILL_CORE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum {
    HTTP_REQUESTS_MAX = 8,
    HTTP_ANSWER_BYTES = 256,
    HTTP_ANSWER_READ_MAX = 64 * 1024,
};

struct http_client;

/* A request that has ended. */
struct http_result {
    int64_t tag;          /* what http_post() was given */
    long status;          /* the server's final status, 0 if none came */
    struct error failure; /* code ERROR_NONE if a final status came, whatever it says; else ERROR_HTTP and why */
    char answer[HTTP_ANSWER_BYTES]; /* beginning of the body; bytes that are not printable ASCII became spaces */
};

ERROR_MUST_CHECK enum error_code http_client_create(struct http_client **out, struct error *error);
void http_client_free(struct http_client *client); /* ends what is under way; NULL is allowed */

/* Whether text is an address to post to: http:// or https:// and something behind it. */
bool http_is_address(const char *text);

/* Starts a POST of a JSON text (copied). timeout_ms bounds the whole request. ERROR_CONFIG when url is not an http or
 * https address, ERROR_HTTP when HTTP_REQUESTS_MAX are under way already. */
ERROR_MUST_CHECK enum error_code http_post(struct http_client *client, const char *url, const char *json,
                                           int64_t timeout_ms, int64_t tag, struct error *error);

/* Requests that were started and not yet taken. */
size_t http_pending(const struct http_client *client);

/* Moves the requests on as far as they go without waiting. */
ERROR_MUST_CHECK enum error_code http_advance(struct http_client *client, struct error *error);

/* Hands out one ended request; *taken is false when there is none. */
void http_take(struct http_client *client, struct http_result *result, bool *taken);

/* Sleeps at most timeout_ms; ends early when a request can go on, when descriptor (-1: none) is readable, or on a
 * signal. */
ERROR_MUST_CHECK enum error_code http_wait(struct http_client *client, int descriptor, int64_t timeout_ms,
                                           struct error *error);

#endif
