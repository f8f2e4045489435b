#include "core/utf8.h"

#include <stddef.h>

int
utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        int length;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    size_t form = 0;
    while (form < sizeof(forms) / sizeof(forms[0]) && (text[0] < forms[form].first || text[0] > forms[form].last))
        form++;
    if (form == sizeof(forms) / sizeof(forms[0]))
        return 0;
    for (int i = 1; i < forms[form].length; i++) {
        unsigned char least = i == 1 ? forms[form].second_first : 0x80;
        unsigned char most = i == 1 ? forms[form].second_last : 0xBF;
        if (text[i] < least || text[i] > most)
            return 0;
    }
    return forms[form].length;
}
