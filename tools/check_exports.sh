#!/bin/sh
# The shared library shows dipper_* and nothing else. Usage: check_exports.sh libdipper.so
set -eu
names=$(nm -D --defined-only "$1" | awk '$2 ~ /[A-Z]/ {sub(/@.*/, "", $3); print $3}')
foreign=$(printf '%s\n' "$names" | grep -v '^dipper_' || true)
if [ -n "$foreign" ]; then
    echo "$1 shows names that are not dipper_*:"
    printf '%s\n' "$foreign"
    exit 1
fi
count=$(printf '%s\n' "$names" | grep -c '^dipper_' || true)
if [ "$count" -eq 0 ]; then
    echo "$1 shows no dipper_* at all: is the core linked in whole?"
    exit 1
fi
# Every function that the installed header promises is there.
header=$(dirname "$0")/../include/dipper/dipper.h
for name in $(grep -o 'dipper_[a-z_]*(' "$header" | tr -d '(' | sort -u); do
    printf '%s\n' "$names" | grep -qx "$name" || { echo "promised in dipper.h but not in the library: $name"; exit 1; }
done
echo "$count names, all dipper_*, everything in dipper.h is there"
