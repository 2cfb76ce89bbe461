#!/bin/sh
# Installs into a temporary folder and builds a stranger's program against it, once through pkg-config, once through
# find_package. Usage: check_install.sh BUILD_DIR [CC]
set -eu
build=$1
cc=${2:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cmake --install "$build" --prefix "$work/prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mkdir "$work/app"
cat >"$work/app/app.c" <<'C'
#include <dipper/dipper.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    dipper_context *context = NULL;
    dipper_context_options options;
    dipper_context_options_init(&options);
    options.device = "ref";
    if (dipper_context_create(&options, &context) != DIPPER_OK) return 1;
    printf("%s: %s, %d recipes\n", dipper_build_text(), dipper_context_device(context), dipper_recipe_count());
    dipper_context_destroy(&context);
    return context != NULL;
}
C
cat >"$work/app/CMakeLists.txt" <<'CM'
cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES C)
find_package(dipper REQUIRED)
add_executable(app app.c)
target_link_libraries(app PRIVATE dipper::dipper)
CM
libdir=$(dirname "$(find "$work/prefix" -name 'libdipper.*' | head -n 1)")
pc=$(find "$work/prefix" -name dipper.pc)
if command -v pkg-config >/dev/null 2>&1; then
    # The prefix of this try is not the configured one: say so to pkg-config.
    flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=prefix="$work/prefix" --cflags --libs dipper)
    [ -e "$libdir/libdipper.so" ] ||
        flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --static --cflags --libs dipper)
    # shellcheck disable=SC2086 # flags are words
    "$cc" -std=c99 "$work/app/app.c" -o "$work/app-pc" -I"$work/prefix/include" -L"$libdir" $flags
    LD_LIBRARY_PATH=$libdir "$work/app-pc"
    echo "pkg-config: builds and runs"
else
    echo "pkg-config: not tried, not installed"
fi
generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build/CMakeCache.txt") # make may be missing
{
    cmake -G "$generator" -S "$work/app" -B "$work/app/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$cc"
    cmake --build "$work/app/build"
} >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/app/build/app"
echo "find_package: builds and runs"
if [ -x "$work/prefix/bin/dipper" ]; then
    "$work/prefix/bin/dipper" --version
    echo "the installed command runs"
fi
