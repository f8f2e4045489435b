/* core/redis_client.h - one connection to Redis. The only door to hiredis (0.14: argv commands, so that values may hold
 * any bytes).
 *
 * A call on a lost connection reconnects once and tries again where that is safe; every reconnection proves itself with
 * PING and SELECT before it is used. Replies are typed and owned by the caller. */
#ifndef TAPEMILL_CORE_REDIS_CLIENT_H
#define TAPEMILL_CORE_REDIS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct redis_client;

enum redis_type { REDIS_NULL, REDIS_TEXT, REDIS_INTEGER, REDIS_LIST };

/* A reply and its parts; freed with redis_reply_free() at the top only. */
struct redis_reply {
    enum redis_type type;
    int64_t integer;
    const char *text;
    size_t length;
    size_t count; /* parts of a list */
    struct redis_reply *parts;
    void *handle; /* hiredis's reply, at the top */
};

/* Makes a client for TAPEMILL_REDIS_URL without connecting yet. */
ERROR_MUST_CHECK enum error_code redis_client_create(struct redis_client **out, struct error *error);
void redis_client_free(struct redis_client *client); /* NULL is allowed */

/* Runs a command and waits for its reply (at most five seconds, then ERROR_REDIS). A reply of type error is
 * ERROR_REDIS with Redis's words. reply may be NULL. */
ERROR_MUST_CHECK enum error_code redis_call(struct redis_client *client, int count, const char *const *arguments,
                                            struct redis_reply *reply, struct error *error);

/* Sends a command whose reply is awaited with poll() on redis_socket() and read by redis_receive(). */
ERROR_MUST_CHECK enum error_code redis_send(struct redis_client *client, int count, const char *const *arguments,
                                            struct error *error);
/* Reads what has arrived; *arrived is false while the reply is incomplete. */
ERROR_MUST_CHECK enum error_code redis_receive(struct redis_client *client, struct redis_reply *reply, bool *arrived,
                                               struct error *error);
int redis_socket(const struct redis_client *client); /* -1 while not connected */
void redis_disconnect(struct redis_client *client);  /* drops the connection and any pending reply */

/* Runs a Lua script by its SHA1 (EVALSHA, EVAL where the server does not know it). keys then arguments. */
struct redis_script {
    const char *name;
    const char *text;
    char sha1[41]; /* filled on first use */
};
ERROR_MUST_CHECK enum error_code redis_eval(struct redis_client *client, struct redis_script *script, int keys,
                                            int count, const char *const *arguments, struct redis_reply *reply,
                                            struct error *error);

void redis_reply_free(struct redis_reply *reply);

#endif
