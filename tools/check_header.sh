#!/bin/sh
# The installed header is C99 and can be included from C++. Usage: check_header.sh [CC]
set -eu
cc=${1:-cc}
include=$(dirname "$0")/../include
for header in "$include"/dipper/*.h; do
    name=dipper/$(basename "$header")
    printf '#include "%s"\nint main(void) { return 0; }\n' "$name" |
        "$cc" -x c -std=c99 -pedantic -Wall -Wextra -Wstrict-prototypes -Werror -fsyntax-only -I "$include" -
    echo "$name: C99"
    cxx=$(command -v c++ || command -v g++ || command -v clang++ || true)
    if [ -z "$cxx" ]; then
        echo "$name: C++ not tried, no C++ compiler here"
        continue
    fi
    printf '#include "%s"\nint main() { return 0; }\n' "$name" |
        "$cxx" -x c++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$include" -
    echo "$name: C++11"
done
