#include "core/http.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 5000, FINAL_STATUS = 200 };

struct request {
    CURL *handle; /* NULL: this place is free */
    struct curl_slist *headers;
    bool ended, cut; /* cut: hung up on an answer that was too long */
    CURLcode outcome;
    int64_t tag;
    size_t received, kept;
    char answer[HTTP_ANSWER_BYTES];
};

struct http_client {
    CURLM *multi;
    struct request requests[HTTP_REQUESTS_MAX];
};

enum error_code
http_client_create(struct http_client **out, struct error *error)
{
    struct http_client *client = calloc(1, sizeof(*client));
    *out = NULL;
    if (client && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        client->multi = curl_multi_init();
    if (!client || !client->multi) {
        free(client);
        return error_set(error, ERROR_MEMORY, "the HTTP client could not be made; is there memory left?");
    }
    *out = client;
    return ERROR_NONE;
}

static void
end_request(struct http_client *client, struct request *request)
{
    if (request->handle) {
        (void)curl_multi_remove_handle(client->multi, request->handle);
        curl_easy_cleanup(request->handle);
    }
    curl_slist_free_all(request->headers);
    memset(request, 0, sizeof(*request));
}

void
http_client_free(struct http_client *client)
{
    if (!client)
        return;
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++)
        end_request(client, &client->requests[i]);
    (void)curl_multi_cleanup(client->multi);
    curl_global_cleanup();
    free(client);
}

/* ---- starting ---------------------------------------------------------------------------------------------- */

/* Keeps the beginning of the answer; returning less than was given makes curl hang up. */
static size_t
take_answer(char *bytes, size_t one, size_t length, void *opaque)
{
    struct request *request = opaque;
    (void)one; /* always 1 */
    for (size_t i = 0; i < length && request->kept + 1 < sizeof(request->answer); i++)
        request->answer[request->kept++] = (char)(bytes[i] >= 32 && bytes[i] < 127 ? bytes[i] : ' ');
    request->received += length;
    request->cut = request->received > HTTP_ANSWER_READ_MAX;
    return request->cut ? 0 : length;
}

static bool
add_header(struct request *request, const char *header)
{
    struct curl_slist *longer = curl_slist_append(request->headers, header);
    if (longer)
        request->headers = longer;
    return longer != NULL;
}

static CURLcode
set_options(struct request *request, const char *url, const char *json, int64_t timeout_ms)
{
    CURL *handle = request->handle;
    long timeout = (long)(timeout_ms < LONG_MAX ? timeout_ms : LONG_MAX);
    const CURLcode outcomes[] = {
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https"),
        curl_easy_setopt(handle, CURLOPT_URL, url),
        curl_easy_setopt(handle, CURLOPT_POST, 1L),
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, -1L),
        curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, json),
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, request->headers),
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "tapemill/" TAPEMILL_VERSION),
        curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L),
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout),
        curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS),
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_answer),
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, request),
        curl_easy_setopt(handle, CURLOPT_PRIVATE, request),
    };
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
        if (outcomes[i] != CURLE_OK)
            return outcomes[i];
    return CURLE_OK;
}

bool
http_is_address(const char *text)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++)
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0 && text[strlen(schemes[i])])
            return true;
    return false;
}

enum error_code
http_post(struct http_client *client, const char *url, const char *json, int64_t timeout_ms, int64_t tag,
          struct error *error)
{
    struct request *request = client->requests;
    while (request < client->requests + HTTP_REQUESTS_MAX && request->handle)
        request++;
    if (request == client->requests + HTTP_REQUESTS_MAX)
        return error_set(error, ERROR_HTTP, "%d web requests are under way already", HTTP_REQUESTS_MAX);
    if (!http_is_address(url))
        return error_set(error, ERROR_CONFIG, "the address to post to does not begin with https:// or http://");
    request->handle = curl_easy_init();
    request->tag = tag;
    /* Without "Expect:" curl would hold a longer body back for a second with servers that do not say 100. */
    CURLcode outcome = CURLE_OUT_OF_MEMORY;
    if (request->handle && add_header(request, "Content-Type: application/json; charset=utf-8") &&
        add_header(request, "Expect:"))
        outcome = set_options(request, url, json, timeout_ms);
    if (outcome == CURLE_OK && curl_multi_add_handle(client->multi, request->handle) != CURLM_OK)
        outcome = CURLE_FAILED_INIT;
    if (outcome == CURLE_OK)
        return ERROR_NONE;
    end_request(client, request);
    return error_set(error, outcome == CURLE_OUT_OF_MEMORY ? ERROR_MEMORY : ERROR_HTTP,
                     "a web request could not be started: %s", curl_easy_strerror(outcome));
}

/* ---- moving on --------------------------------------------------------------------------------------------- */

size_t
http_pending(const struct http_client *client)
{
    size_t pending = 0;
    for (size_t i = 0; i < HTTP_REQUESTS_MAX; i++)
        pending += client->requests[i].handle != NULL;
    return pending;
}

enum error_code
http_advance(struct http_client *client, struct error *error)
{
    int running, left;
    CURLMcode outcome = curl_multi_perform(client->multi, &running);
    if (outcome != CURLM_OK)
        return error_set(error, ERROR_HTTP, "web requests could not go on: %s", curl_multi_strerror(outcome));
    for (CURLMsg *message; (message = curl_multi_info_read(client->multi, &left));) {
        struct request *request = NULL;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request) != CURLE_OK || !request)
            continue;
        request->outcome = message->data.result;
        request->ended = true;
    }
    return ERROR_NONE;
}

void
http_take(struct http_client *client, struct http_result *result, bool *taken)
{
    struct request *request = client->requests;
    while (request < client->requests + HTTP_REQUESTS_MAX && !request->ended)
        request++;
    *taken = request < client->requests + HTTP_REQUESTS_MAX;
    if (!*taken)
        return;
    memset(result, 0, sizeof(*result));
    result->tag = request->tag;
    (void)curl_easy_getinfo(request->handle, CURLINFO_RESPONSE_CODE, &result->status);
    memcpy(result->answer, request->answer, sizeof(result->answer));
    /* The status came: what became of the rest of the answer does not matter. */
    if (result->status < FINAL_STATUS) {
        result->status = 0;
        (void)error_set(&result->failure, ERROR_HTTP, "%s", curl_easy_strerror(request->outcome));
    }
    end_request(client, request);
}

enum error_code
http_wait(struct http_client *client, int descriptor, int64_t timeout_ms, struct error *error)
{
    struct curl_waitfd watched = {.fd = descriptor, .events = CURL_WAIT_POLLIN};
    int timeout = timeout_ms < 0 ? 0 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
    CURLMcode outcome = curl_multi_poll(client->multi, &watched, descriptor >= 0 ? 1 : 0, timeout, NULL);
    if (outcome != CURLM_OK)
        return error_set(error, ERROR_HTTP, "waiting for web requests failed: %s", curl_multi_strerror(outcome));
    return ERROR_NONE;
}
