/* core/sha256.h - SHA-256 (NIST FIPS 180-4) of bytes that are there as a whole. */
#ifndef TAPEMILL_CORE_SHA256_H
#define TAPEMILL_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_TEXT_BYTES = 2 * SHA256_BYTES + 1 };

void sha256(const void *bytes, size_t length, uint8_t digest[SHA256_BYTES]);

/* The digest in hexadecimal, lower case, with a final zero byte. */
void sha256_text(const uint8_t digest[SHA256_BYTES], char text[SHA256_TEXT_BYTES]);

#endif
