#!/bin/sh
# The include law (docs/architecture.md): an include may only go along an arrow, outside libraries live in one place
# each, and the core never prints, exits or reads the environment. tests and bench may look inside and are not checked.
# Prints each breach as file:line: what; fails if any.
set -eu
cd "$(dirname "$0")/.."

{
    find src -name '*.[ch]' -o -name '*.def' -o -name '*.cu' -o -name '*.cuh'
    find include io study cli examples -name '*.[ch]' 2>/dev/null || true
} | sort | xargs awk '
function breach(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what
    bad++
}
function in_list(word, list) {
    return index(" " list " ", " " word " ") > 0
}
BEGIN {
    # room -> the rooms it may include, arrows followed to their ends
    may["base"] = "base"
    may["tensor"] = "tensor base"
    may["fourier"] = "fourier base"
    may["backend"] = "backend fourier tensor base"
    may["nn"] = "nn backend fourier tensor base"
    may["image"] = "image base"
    may["metric"] = "metric image base"
    may["deconv"] = "deconv image backend fourier tensor base"
    may["simulate"] = "simulate image base"
    may["bid"] = "bid nn deconv image metric backend fourier tensor base"
    may["api"] = "api bid nn simulate deconv image metric backend fourier tensor base"
    rooms = "base tensor fourier backend nn image metric simulate deconv bid api"
}
FNR == 1 {
    files++
    n = split(FILENAME, part, "/")
    core = part[1] == "src"
    room = core ? part[2] : part[1]
    if (core && !(room in may)) breach("room src/" room " is not in the include law: add it to tools/check_includes.sh")
    # the inner rooms of backend
    inner = core && room == "backend" && n > 3 ? part[3] : ""
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    path = quoted[2]
    k = split(path, step, "/")
    target = step[1]
    includes++
    if (k == 1) next # a neighbour in the same folder
    if (target == "dipper") next
    if (!core) {
        if (target == "io" || target == room || room ~ /^(cli|examples)$/ && target == "study") next
        breach(room " sees only include/dipper and io" (room ~ /^(cli|examples)$/ ? " and study" : "") ", not \"" path "\"")
        next
    }
    if (!in_list(target, rooms)) breach("\"" path "\" names no room of src")
    else if (!in_list(target, may[room])) breach(room " may not use " target " (\"" path "\")")
    else if (target == "backend" && k > 2) {
        if (room != "backend") breach("only backend itself sees inside of it (\"" path "\")")
        else if (inner != "" && inner != step[2]) breach("back end " inner " may not use \"" path "\"")
    }
    next
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, angle, /[<>]/)
    path = angle[2]
    if (path ~ /^(oneapi\/)?dnnl/ && FILENAME !~ /^src\/backend\/cpu\/[a-z0-9_]*_dnnl\.c$/) breach("<" path "> belongs to src/backend/cpu/*_dnnl.c")
    if (path ~ /^fftw3/ && FILENAME != "src/fourier/fourier_fft.c") breach("<" path "> belongs to src/fourier/fourier_fft.c")
    if (path ~ /^vips\// && FILENAME !~ /^io\//) breach("<" path "> belongs to io")
    if (path ~ /^jansson/ && FILENAME !~ /^(io|study)\//) breach("<" path "> belongs to io and study")
    if (path ~ /^xxhash/ && FILENAME !~ /^study\//) breach("<" path "> belongs to study")
    if (path ~ /^mpi\.h/ && FILENAME !~ /^cli\/mpi\//) breach("<" path "> belongs to cli/mpi")
    if (path ~ /^cudnn/ && FILENAME !~ /^src\/backend\/cuda\/[a-z0-9_]*_cudnn\.c$/) breach("<" path "> belongs to src/backend/cuda/*_cudnn.c")
    if (path ~ /^cuda/ && inner != "cuda") breach("<" path "> belongs to src/backend/cuda")
    if (path ~ /^dipper\// || path ~ /^(base|tensor|nn|image|bid)\//) breach("own headers in quotes: " path)
    next
}
core {
    line = $0
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line) # no strings
    sub(/\/\*.*/, "", line)              # no comments
    if (line ~ /^ \*/ || line ~ /^[ \t]+\* /) next
    if (match(line, /(^|[^A-Za-z0-9_])(printf|fprintf|puts|putchar|perror|exit|_Exit|abort|getenv|setenv|fopen|system)[ \t]*\(/))
        breach("the core never prints, exits, opens files or reads the environment: " substr(line, RSTART, RLENGTH))
}
END {
    printf "include law: %d files, %d includes, %d breaches\n", files, includes, bad
    exit bad > 0
}'
