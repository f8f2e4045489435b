/* sqlembed OUT.c ROOT FILE... - build tool: turns SQL files into a C table.
 *
 * A file is a sequence of statements, each opened by a line "-- name: IDENTIFIER [utility]". "utility" marks what
 * PREPARE cannot take (CREATE, COPY, ...). A file without such a line is one statement called "main". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put_line(FILE *out, const char *line)
{
    fputs("        \"", out);
    for (; *line; line++) {
        unsigned char byte = (unsigned char)*line;
        if (byte == '\n')
            fputs("\\n", out);
        else if (byte == '\\' || byte == '"' || byte == '?')
            fprintf(out, "\\%c", byte);
        else if (byte < 32 || byte > 126)
            fprintf(out, "\\%03o", byte);
        else
            fputc(byte, out);
    }
    fputs("\"\n", out);
}

static int
embed(FILE *out, const char *root, const char *name, int index)
{
    char path[4096], line[8192], statement[64], kind[16];
    int count = 0, number = 0;
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *in = fopen(path, "r");
    if (!in)
        return perror(path), 1;
    fprintf(out, "static const struct sql_statement statements_%d[] = {\n", index);
    while (fgets(line, sizeof(line), in)) {
        number++;
        if (!strchr(line, '\n') && !feof(in))
            return fprintf(stderr, "%s:%d: line too long\n", path, number), 1;
        kind[0] = 0;
        if (sscanf(line, "-- name: %63[a-z0-9_] %15s", statement, kind) >= 1) {
            fprintf(out, "%s    {\"%s\", %d,\n", count ? "    },\n" : "", statement, strcmp(kind, "utility") == 0);
            count++;
            fputs("        \"\"\n", out);
        } else if (count) {
            put_line(out, line);
        } else if (strncmp(line, "--", 2) != 0 && strspn(line, " \t\r\n") != strlen(line)) {
            fprintf(out, "    {\"main\", 0,\n");
            count++;
            put_line(out, line);
        }
    }
    fclose(in);
    if (!count)
        return fprintf(stderr, "%s: no statement\n", path), 1;
    fprintf(out, "    },\n};\n\n");
    return 0;
}

int
main(int argc, char **argv)
{
    FILE *out = argc > 2 ? fopen(argv[1], "w") : NULL;
    if (!out)
        return fprintf(stderr, "usage: sqlembed OUT.c ROOT FILE...\n"), 2;
    fputs("#include \"core/sql.h\"\n\n", out);
    for (int i = 3; i < argc; i++) {
        if (embed(out, argv[2], argv[i], i)) {
            fclose(out);
            remove(argv[1]);
            return 1;
        }
    }
    fputs("const struct sql_file sql_files[] = {\n", out);
    for (int i = 3; i < argc; i++)
        fprintf(out, "    {\"%.*s\", statements_%d, sizeof(statements_%d) / sizeof(statements_%d[0])},\n",
                (int)strlen(argv[i]) - 4, argv[i], i, i, i);
    fprintf(out, "};\nconst size_t sql_file_count = %d;\n", argc - 3);
    return fclose(out) != 0;
}
