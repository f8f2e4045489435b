#include "core/redis_client.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"

enum { CALL_TIMEOUT_SECONDS = 5, CONNECT_TIMEOUT_SECONDS = 5, PARTS_DEPTH_MAX = 4 };

struct redis_client {
    redisContext *context;
    char host[256], path[256], password[256], user[128];
    int port, database;
    char shown[256]; /* the URL without its password */
};

/* ---- the URL ----------------------------------------------------------------------------------------------- */

static enum error_code
bad_url(const struct redis_client *client, const char *why, struct error *error)
{
    return error_set(error, ERROR_CONFIG,
                     "TAPEMILL_REDIS_URL (%s) %s; write redis://[:password@]host:port/database or "
                     "unix:///path/to/redis.sock",
                     client->shown, why);
}

/* Copies a part of a URL, %XX decoded; false if it does not fit. */
static bool
copy_part(char *to, size_t size, const char *from, size_t length)
{
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned int byte = (unsigned char)from[i];
        if (from[i] == '%' && i + 2 < length && sscanf(from + i + 1, "%2x", &byte) == 1)
            i += 2;
        if (used + 1 >= size)
            return false;
        to[used++] = (char)byte;
    }
    to[used] = 0;
    return true;
}

static enum error_code
parse_number(const struct redis_client *client, const char *text, size_t length, int most, int *number,
             struct error *error)
{
    long value = 0;
    if (!length || length > 6)
        return bad_url(client, "has a number that is missing or too long", error);
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return bad_url(client, "has letters where a number must be", error);
        value = value * 10 + (text[i] - '0');
    }
    if (value > most)
        return bad_url(client, "has a number that is too large", error);
    *number = (int)value;
    return ERROR_NONE;
}

static enum error_code
parse_authority(struct redis_client *client, const char *text, size_t length, struct error *error)
{
    const char *at = memrchr(text, '@', length);
    if (at) {
        const char *colon = memchr(text, ':', (size_t)(at - text));
        const char *user_end = colon ? colon : at;
        if (!copy_part(client->user, sizeof(client->user), text, (size_t)(user_end - text)) ||
            (colon && !copy_part(client->password, sizeof(client->password), colon + 1, (size_t)(at - colon - 1))))
            return bad_url(client, "has a user name or password that is too long", error);
        length -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    const char *colon = memrchr(text, ':', length);
    size_t host = colon ? (size_t)(colon - text) : length;
    if (!host || !copy_part(client->host, sizeof(client->host), text, host))
        return bad_url(client, "has no host", error);
    return colon ? parse_number(client, colon + 1, length - host - 1, 65535, &client->port, error) : ERROR_NONE;
}

static enum error_code
parse_url(struct redis_client *client, const char *url, struct error *error)
{
    config_redact(url, client->shown, sizeof(client->shown));
    client->port = 6379;
    if (strncmp(url, "rediss://", 9) == 0)
        return error_set(
            error, ERROR_CONFIG,
            "TAPEMILL_REDIS_URL (%s) asks for TLS, which this build's hiredis does not have; put stunnel in "
            "front of Redis and use redis://",
            client->shown);
    if (strncmp(url, "unix://", 7) == 0) {
        size_t length = strcspn(url + 7, "?");
        const char *database = strstr(url + 7 + length, "db=");
        if (!length || !copy_part(client->path, sizeof(client->path), url + 7, length))
            return bad_url(client, "has no path", error);
        return database
                   ? parse_number(client, database + 3, strcspn(database + 3, "&"), 1000000, &client->database, error)
                   : ERROR_NONE;
    }
    if (strncmp(url, "redis://", 8) != 0)
        return bad_url(client, "is not a Redis URL", error);
    size_t authority = strcspn(url + 8, "/?");
    if (parse_authority(client, url + 8, authority, error))
        return error->code;
    const char *database = url + 8 + authority;
    if (database[0] == '/' && database[1])
        return parse_number(client, database + 1, strlen(database + 1), 1000000, &client->database, error);
    return ERROR_NONE;
}

enum error_code
redis_client_create(struct redis_client **out, struct error *error)
{
    struct redis_client *client = calloc(1, sizeof(*client));
    *out = NULL;
    if (!client)
        return error_set(error, ERROR_MEMORY, "out of memory for a Redis client");
    if (parse_url(client, config_text(CONFIG_REDIS_URL), error)) {
        free(client);
        return error->code;
    }
    *out = client;
    return ERROR_NONE;
}

void
redis_client_free(struct redis_client *client)
{
    if (!client)
        return;
    redis_disconnect(client);
    free(client);
}

/* ---- connecting -------------------------------------------------------------------------------------------- */

void
redis_disconnect(struct redis_client *client)
{
    if (client->context)
        redisFree(client->context);
    client->context = NULL;
}

static enum error_code
lost(struct redis_client *client, const char *what, struct error *error)
{
    char why[160];
    (void)snprintf(why, sizeof(why), "%s",
                   client->context && client->context->err ? client->context->errstr : "no connection");
    redis_disconnect(client);
    return error_set(error, ERROR_REDIS, "Redis at %s %s: %s", client->shown, what, why);
}

/* One command on a fresh connection, whose reply must not be an error. */
static bool
prove(struct redis_client *client, int count, const char **arguments)
{
    redisReply *reply = redisCommandArgv(client->context, count, arguments, NULL);
    bool fine = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply && !fine)
        (void)snprintf(client->context->errstr, sizeof(client->context->errstr), "%s", reply->str);
    if (reply && !fine)
        client->context->err = REDIS_ERR_OTHER;
    freeReplyObject(reply);
    return fine;
}

static enum error_code
connect_now(struct redis_client *client, struct error *error)
{
    struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_SECONDS};
    struct timeval call = {.tv_sec = CALL_TIMEOUT_SECONDS};
    char number[16];
    client->context = client->path[0] ? redisConnectUnixWithTimeout(client->path, timeout)
                                      : redisConnectWithTimeout(client->host, client->port, timeout);
    if (!client->context || client->context->err)
        return lost(client, "cannot be reached", error);
    (void)redisSetTimeout(client->context, call);
    (void)fcntl(client->context->fd, F_SETFD, FD_CLOEXEC);
    if (!client->path[0])
        (void)redisEnableKeepAlive(client->context);
    const char *named[] = {"AUTH", client->user, client->password};
    const char *plain[] = {"AUTH", client->password};
    if (client->password[0] && !(client->user[0] ? prove(client, 3, named) : prove(client, 2, plain)))
        return lost(client, "refuses the password of TAPEMILL_REDIS_URL", error);
    (void)snprintf(number, sizeof(number), "%d", client->database);
    const char *select[] = {"SELECT", number};
    const char *ping[] = {"PING"};
    if (!prove(client, 2, select) || !prove(client, 1, ping))
        return lost(client, "does not answer", error);
    return ERROR_NONE;
}

/* ---- replies ----------------------------------------------------------------------------------------------- */

static bool
convert(const redisReply *from, struct redis_reply *to, int depth)
{
    *to = (struct redis_reply){.type = REDIS_NULL};
    switch (from->type) {
    case REDIS_REPLY_INTEGER:
        to->type = REDIS_INTEGER;
        to->integer = from->integer;
        return true;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        to->type = REDIS_TEXT;
        to->text = from->str;
        to->length = (size_t)from->len;
        return true;
    case REDIS_REPLY_ARRAY:
        to->type = REDIS_LIST;
        to->parts = calloc(from->elements + 1, sizeof(*to->parts));
        if (!to->parts || depth >= PARTS_DEPTH_MAX)
            return false;
        to->count = from->elements;
        for (size_t i = 0; i < from->elements; i++)
            if (!convert(from->element[i], &to->parts[i], depth + 1))
                return false;
        return true;
    default:
        return true;
    }
}

static void
free_parts(struct redis_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++)
        free_parts(&reply->parts[i]);
    free(reply->parts);
}

void
redis_reply_free(struct redis_reply *reply)
{
    free_parts(reply);
    freeReplyObject(reply->handle);
    *reply = (struct redis_reply){.type = REDIS_NULL};
}

/* Hands a raw reply on, or frees it. */
static enum error_code
deliver(struct redis_client *client, redisReply *raw, struct redis_reply *reply, struct error *error)
{
    enum error_code code = ERROR_NONE;
    if (raw->type == REDIS_REPLY_ERROR) {
        code = error_set(error, ERROR_REDIS, "Redis at %s refused a command: %s", client->shown, raw->str);
    } else if (reply) {
        bool fine = convert(raw, reply, 0);
        reply->handle = raw;
        if (fine)
            return ERROR_NONE;
        redis_reply_free(reply);
        return error_set(error, ERROR_MEMORY, "a reply of Redis is too deep, or memory ran out");
    }
    freeReplyObject(raw);
    return code;
}

/* ---- calls ------------------------------------------------------------------------------------------------- */

enum error_code
redis_call(struct redis_client *client, int count, const char *const *arguments, struct redis_reply *reply,
           struct error *error)
{
    if (reply)
        *reply = (struct redis_reply){.type = REDIS_NULL};
    for (int attempt = 0;; attempt++) {
        bool fresh = !client->context;
        if (fresh && connect_now(client, error))
            return error->code;
        redisReply *raw = redisCommandArgv(client->context, count, (const char **)(uintptr_t)arguments, NULL);
        if (raw)
            return deliver(client, raw, reply, error);
        (void)lost(client, "went away", error);
        /* A connection that had been idle may be stale: once again on a fresh one. Every verb here is safe to repeat.
         */
        if (fresh || attempt > 0)
            return error->code;
    }
}

enum error_code
redis_send(struct redis_client *client, int count, const char *const *arguments, struct error *error)
{
    if (!client->context && connect_now(client, error))
        return error->code;
    int done = 0;
    if (redisAppendCommandArgv(client->context, count, (const char **)(uintptr_t)arguments, NULL) != REDIS_OK)
        return lost(client, "went away", error);
    while (!done)
        if (redisBufferWrite(client->context, &done) != REDIS_OK)
            return lost(client, "went away", error);
    return ERROR_NONE;
}

enum error_code
redis_receive(struct redis_client *client, struct redis_reply *reply, bool *arrived, struct error *error)
{
    void *raw = NULL;
    *arrived = false;
    *reply = (struct redis_reply){.type = REDIS_NULL};
    if (!client->context)
        return lost(client, "is not connected", error);
    struct pollfd readable = {.fd = client->context->fd, .events = POLLIN};
    if (poll(&readable, 1, 0) > 0 && redisBufferRead(client->context) != REDIS_OK)
        return lost(client, "went away", error);
    if (redisGetReplyFromReader(client->context, &raw) != REDIS_OK)
        return lost(client, "sent nonsense", error);
    if (!raw)
        return ERROR_NONE;
    *arrived = true;
    return deliver(client, raw, reply, error);
}

int
redis_socket(const struct redis_client *client)
{
    return client->context ? client->context->fd : -1;
}

enum error_code
redis_eval(struct redis_client *client, struct redis_script *script, int keys, int count, const char *const *arguments,
           struct redis_reply *reply, struct error *error)
{
    const char **words;
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", keys);
    if (!(words = calloc((size_t)count + 3, sizeof(*words))))
        return error_set(error, ERROR_MEMORY, "out of memory for %d arguments of the script %s", count, script->name);
    for (int i = 0; i < count; i++)
        words[3 + i] = arguments[i];
    words[2] = number;
    enum error_code code = ERROR_REDIS;
    if (script->sha1[0]) {
        words[0] = "EVALSHA";
        words[1] = script->sha1;
        code = redis_call(client, count + 3, words, reply, error);
    }
    if (code == ERROR_REDIS && (!script->sha1[0] || strstr(error->message, "NOSCRIPT"))) {
        const char *load[] = {"SCRIPT", "LOAD", script->text};
        struct redis_reply sha1;
        code = redis_call(client, 3, load, &sha1, error);
        if (!code) {
            (void)snprintf(script->sha1, sizeof(script->sha1), "%s", sha1.text ? sha1.text : "");
            redis_reply_free(&sha1);
            words[0] = "EVALSHA";
            words[1] = script->sha1;
            code = redis_call(client, count + 3, words, reply, error);
        }
    }
    free(words);
    return code;
}
