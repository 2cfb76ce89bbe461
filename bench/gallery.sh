#!/bin/sh
# A contact sheet of the real photographs: picture, result, the middle of both at 1:1, PSF and verdict, the failures
# included; OUT/index.html. About half a minute a picture on two cores for fast, two for balanced; results that are there
# are kept. The photographs are not the project's own: nothing of it may be committed. docs/gallery.md describes it.
# usage: bench/gallery.sh BUILD_FOLDER DATA OUT [PRESET]   (PRESET: balanced by default)
set -eu
build=$1 data=$2/real out=$3 preset=${4:-balanced}
[ -d "$data" ] || { echo "skipped: $data is not there"; exit 0; }
mkdir -p "$out"
page=$out/index.html

cat >"$page" <<TEXT
<!doctype html><meta charset=utf-8><title>Dipper: real photographs, $preset</title>
<style>body{font:15px sans-serif;margin:1rem;max-width:90rem}td{vertical-align:top;padding:.3rem}
.small{width:300px}.crop{width:400px;height:300px;object-fit:none}.psf{width:120px;image-rendering:pixelated}</style>
<h1>Real photographs, preset $preset</h1>
<p>Each: picture and result, small and the middle at 1:1 (click for all of it); PSF; what Dipper said.</p><table>
TEXT
said() { sed -n "s/^dipper: note: //; s/^dipper: error: //; s|$1: ||g; /clipped\$/d; /./p" "$2" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/$/<br>/'; }
for f in "$data"/*.*; do
    name=$(basename "$f" | sed 's/\.[^.]*$//') picture=$(basename "$f")
    cp "$f" "$out/$picture"
    if [ ! -e "$out/$name.$preset.txt" ]; then
        code=0
        "$build/dipper" deblur "$f" --preset "$preset" -f --progress none -j "${BENCH_THREADS:-0}" \
            -o "$out/$name.$preset.png" >/dev/null 2>"$out/$name.part" || code=$?
        [ $code = 0 ] || [ $code = 7 ] || echo "exit code $code" >>"$out/$name.part" # 7: the verdict is failed
        mv "$out/$name.part" "$out/$name.$preset.txt"
    fi
    result=$name.$preset.png
    cat >>"$page" <<TEXT
<tr><td colspan=4><h2>$name</h2><tr><td><a href="$picture"><img class=small src="$picture"></a><br>
<a href="$result"><img class=small src="$result"></a><td><a href="$picture"><img class=crop src="$picture"></a><td>
<a href="$result"><img class=crop src="$result"></a><td><img class=psf src="${name}.${preset}_psf.png"><br>
$(said "$f" "$out/$name.$preset.txt")
TEXT
    echo "$name: $(grep -c . "$out/$name.$preset.txt") lines said, $result"
done
echo "</table>" >>"$page"
echo "$page"
