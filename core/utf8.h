/* core/utf8.h - whether bytes are UTF-8 (RFC 3629). */
#ifndef TAPEMILL_CORE_UTF8_H
#define TAPEMILL_CORE_UTF8_H

/* The length of the character that begins at text, which ends with a 0 byte; 0 if none does. Overlong forms and
 * surrogates are none. */
int utf8_length(const unsigned char *text);

#endif
