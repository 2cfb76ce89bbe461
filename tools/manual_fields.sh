#!/bin/sh
# The manual's tables of recipes and their fields, made from src/bid/recipe.def and src/bid/recipe.c.
#   manual_fields.sh           writes them into docs/manual.md, between the marks
#   manual_fields.sh --check   fails if they are not what stands there, or if an option of the command is not in the
#                              manual
set -eu
cd "$(dirname "$0")/.."
page=docs/manual.md
made=$(mktemp)
trap 'rm -f "$made" "$made.page"' EXIT INT TERM

# The arguments of one line "KIND(a, "b, c", d)" into arg[1..n], strings without their quotes.
split_arguments='
function split_arguments(text, arg,    i, c, n, quoted) {
    n = 1
    arg[1] = ""
    quoted = 0
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\"") quoted = !quoted
        else if (c == "," && !quoted) arg[++n] = ""
        else if (c != " " || quoted) arg[n] = arg[n] c
    }
    return n
}
function bars(text) { # a | would end the cell
    gsub(/\|/, "\\|", text)
    return text
}'

{
    printf '\n| field | default | values | unit | meaning |\n|---|---|---|---|---|\n'
    awk "$split_arguments"'
    /^(INT|REAL|BOOL|CHOICE|LIST|STAGES)\(/ {
        kind = $0
        sub(/\(.*/, "", kind)
        text = $0
        sub(/^[A-Z]*\(/, "", text)
        sub(/\)[ \t]*$/, "", text)
        split_arguments(text, a)
        if (kind == "BOOL") { values = "true, false"; unit = ""; help = a[3] }
        else if (kind == "CHOICE" || kind == "STAGES") { values = (kind == "CHOICE" ? "" : "list of ") a[3]; gsub(/\|/, ", ", values); unit = ""; help = a[4] }
        else {
            values = (kind == "INT" ? "whole, " : kind == "LIST" ? "list, each " : "") a[3] " to " a[4]
            unit = a[5]
            help = a[6]
        }
        printf "| `%s` | %s | %s | %s | %s |\n", a[1], a[2], values, unit, bars(help)
    }' src/bid/recipe.def
    printf '\n| recipe | what it is | what differs from the defaults |\n|---|---|---|\n'
    awk '
    /recipes\[\] = \{/ { inside = 1; next }
    inside && /^};/ { exit }
    inside { all = all " " $0 }
    END {
        part = 0
        quoted = 0
        for (i = 1; i <= length(all); i++) {
            c = substr(all, i, 1)
            if (c == "\"") quoted = !quoted
            else if (quoted) cell[part] = cell[part] c
            else if (c == "{") { part = 1; cell[1] = cell[2] = cell[3] = "" }
            else if (c == ",") part++
            else if (c == "}") {
                printf "| `%s` | %s | %s |\n", cell[1], cell[2], cell[3] == "" ? "" : "`" cell[3] "`"
                part = 0
            }
        }
    }' src/bid/recipe.c
    printf '\n'
} >"$made"

awk -v made="$made" '
/<!-- fields begin/ { print; while ((getline line < made) > 0) print line; skip = 1; next }
/<!-- fields end/ { skip = 0 }
!skip { print }' "$page" >"$made.page"

if [ "${1:-}" = --check ]; then
    if ! diff "$page" "$made.page"; then
        echo "$page: the tables of fields are not those of src/bid: run tools/manual_fields.sh"
        exit 1
    fi
    for option in $(sed -n 's/^ *{\('"'"'.'"'"'\|0\), "\([a-z-]*\)", .*OPTION_.*/\2/p' cli/*.c | sort -u); do
        grep -q -e "--$option" "$page" || { echo "$page: --$option is missing"; exit 1; }
    done
    echo "$page: $(grep -c '^| `' "$made") rows, as in src/bid"
else
    cp "$made.page" "$page"
fi
