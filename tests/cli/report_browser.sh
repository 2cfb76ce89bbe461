# dipper report in a real Chromium (a Debian package, needed for this test only): the page opens from disk without a
# word on the console, asks for nothing outside, and all of its pictures load.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/lib_report.sh"
need
have_vips || { echo 'skipped: this build has no libvips, and its pages no pictures'; exit 77; }
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo 'skipped: no Chromium here (Debian: chromium)'; exit 77; }

# A dead proxy: whatever the page asks of the network fails, and is said on the console.
browse() { # OPTION... PAGE
    expect 0 timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" \
        --proxy-server=127.0.0.1:9 --enable-logging=stderr --timeout=20000 "$@"
}

shared_pictures
for seed in 0 1 2; do
    result "a$seed" '"one"' '"fast"' "$seed" "2$((5 + seed)).5"
    result "b$seed" '"<two>"' '"slow"' "$seed" "2$((4 + seed)).5" settings='"tv=0.5"'
done
expect 0 "$DIPPER" report folder -q

browse --dump-dom "file://$work/folder/report.html"
err_lacks 'CONSOLE'
out_has '<h1>Benchmark hand</h1>'

# The page's own policy forbids scripts, so the question is put to a copy without it.
sed -e '/Content-Security-Policy/d' -e 's|</body>|<script>onload = () => {\
    const all = [...document.images], good = all.filter(i => i.complete \&\& i.naturalWidth > 0);\
    const marks = [...document.querySelectorAll("svg.chart use")].filter(u => u.getBoundingClientRect().height > 4);\
    document.title = `images ${good.length} of ${all.length}, marks ${marks.length}, ` +\
        `wide ${document.documentElement.scrollWidth > innerWidth}, asked ${performance.getEntriesByType("resource")\
            .filter(r => !r.name.startsWith("data:")).length}`;\
}</script></body>|' folder/report.html >asking.html
browse --window-size=1280,900 --dump-dom "file://$work/asking.html"
err_lacks 'CONSOLE'
# a case: blurred, truth, three results, each with its detail; true PSF, three PSFs; marks: six runs in the scatter
# plot; in the other chart six more and two references for each case
out_has '<title>images 28 of 28, marks 16, wide false, asked 0</title>'
browse --window-size=420,900 --dump-dom "file://$work/asking.html"
out_has 'wide false'
finish
