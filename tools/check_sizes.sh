#!/bin/sh
# Lengths: no file over 500 lines unless its first five lines give the reason ("over 500 lines: ..."), no function over
# 80; prints the median and the longest ones. Leans on clang-format: a function begins in the first column and ends
# with a brace there.
set -eu
cd "$(dirname "$0")/.."

list=$(mktemp)
trap 'rm -f "$list"' EXIT INT TERM
find src io study cli tests bench examples include -name '*.[ch]' -o -name '*.def' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' 2>/dev/null | sort | xargs awk -v list="$list" '
function end_of_file() {
    if (file != "" && lines > 500 && !reason) {
        printf "%s: %d lines, and no reason (\"over 500 lines: ...\") at its top\n", file, lines
        bad++
    }
}
FNR == 1 {
    end_of_file()
    file = FILENAME
    reason = 0
    name = ""
}
{ lines = FNR }
FNR <= 5 && tolower($0) ~ /over 500 lines: ./ { reason = 1 }
# a definition begins in the first column, is no preprocessor line, no comment, no label, no macro use with ;
name == "" && /^[A-Za-z_][A-Za-z0-9_ *]*\(/ && !/;[ \t]*$/ && !/=/ {
    name = $0
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    begin = FNR
    open = 0
}
name != "" && /\{$/ { open = 1 }
name != "" && !open && /;[ \t]*$/ { name = "" } # only declared
name != "" && open && /^}/ {
    length_ = FNR - begin + 1
    printf "%d %s:%d %s\n", length_, file, begin, name > list
    if (length_ > 80) {
        printf "%s:%d: %s has %d lines (80 at most)\n", file, begin, name, length_
        bad++
    }
    name = ""
}
END {
    end_of_file()
    exit bad > 0
}' || failed=1
sort -rn "$list" | awk '
{ length_[NR] = $1; if (NR <= 5) longest = longest "\n  " $0 }
END {
    if (NR) printf "sizes: %d functions, median %d lines; the longest:%s\n", NR, length_[int((NR + 1) / 2)], longest
}'
exit "${failed:-0}"
