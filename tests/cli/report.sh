# dipper report: exit codes, what is on the page, texts that look like markup, missing files.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/lib_report.sh"

expect 2 "$DIPPER" report
one_line
expect 2 "$DIPPER" report a b
expect 2 "$DIPPER" report a --order best
expect 0 "$DIPPER" report --help
expect 3 "$DIPPER" report gone
one_line
err_has 'gone: is not a directory'
need

# no results, and none of this version
mkdir -p folder/runs
expect 3 "$DIPPER" report folder
one_line
err_has 'folder: holds no results of Dipper'
absent folder/report.html
result a '"one"' '"fast"' 0 25 dipper='"0.0.0"'
expect 3 "$DIPPER" report folder
one_line
err_has '1 of other versions'
rm -r folder
mkdir folder
expect 3 "$DIPPER" report folder
one_line

page_is_sound() {
    last="check $1"
    if python3 "$here/report_page.py" "$1" >.seen/out 2>.seen/err; then good; else bad "$1 is not sound"; fi
}
page_has() { check "the page lacks '$1'" grep -qF -e "$1" folder/report.html; }
page_lacks() { check "the page has '$1'" not grep -qF -e "$1" folder/report.html; }

# two cases, two methods, three seeds, the oracle, and a run of another version
have_vips && shared_pictures
for seed in 0 1 2; do
    result "a$seed" '"one"' '"fast"' "$seed" "2$((5 + seed)).5"
    result "b$seed" '"two"' '"fast"' "$seed" "2$((2 - seed)).25"
    result "c$seed" '"one"' '"slow"' "$seed" "2$((8 - seed)).125" settings='"tv=0.5"' psf_told='"9x9"'
done
result o '"one"' '"oracle"' 0 30.5
result x '"one"' '"fast"' 9 99 dipper='"0.0.0"'
result c3 '"one"' '"slow"' 3 null settings='"tv=0.5"' psf_told='"9x9"' failed=1 message='"out of memory"'
expect 0 "$DIPPER" report folder
out_has '^folder/report.html$'
err_has '11 runs of 2 cases'
err_has 'other versions of Dipper: 1'
page_is_sound folder/report.html
page_has '<h1>Benchmark hand</h1>'
page_has 'protocol levin: 4 px cropped off each side, aligned within ±10 px, luma, clipped'
page_has "Dipper $version"
page_has '1 result is of other versions'
page_has 'slow, tv=0.5, PSF 9x9'
page_has 'fast, own PSF size'
page_has 'no result: out of memory'
page_has '<title>one: fast, own PSF size, seed 1: 26.50 dB</title>'
page_has 'ISNR 3.25 dB, PSNR-NB 31.50 dB'
page_has '<td>23.88</td><td>23.88</td><td>20.25</td>' # fast: mean, median, worst by hand
page_has '<td>1.00</td><td class="bad">3</td>' # spread over seeds; failures: 22.25, 21.25 and 20.25 under 22.5
if have_vips; then
    # for each case blurred and truth, detail of both, true PSF; for each result shown three:
    # one: fast and slow three each, oracle one, less the failed run; two: fast three
    out_has ' img=37 '
    page_lacks 'libvips'
else
    out_has ' [^i]'
    page_has 'this build of Dipper has no libvips'
fi
order() { grep -o '<section class="case" id="[^"]*">' folder/report.html | tr -dc '0-9\n' | tr '\n' ' '; }
check "worst first: $(order)" test "$(order)" = '11 12 '
expect 0 "$DIPPER" report folder -f -q --order=name
err_empty

# what exists stays
echo old >folder/report.html
expect 4 "$DIPPER" report folder
one_line
err_has 'folder/report.html: exists already; use -f'
check 'report.html was touched' test "$(cat folder/report.html)" = old
expect 0 "$DIPPER" report folder -q -o other.html
exists other.html
expect 4 "$DIPPER" report folder -o nowhere/page.html
one_line
expect 4 "$DIPPER" report folder -o folder
one_line

# files that are missing or broken
if have_vips; then
    rm folder/pictures/a1.png truth.png
    echo broken >folder/pictures/b1_psf.npy
    expect 0 "$DIPPER" report folder -f
    err_has 'missing or cannot be read: 4; the page lists them' # truth.png of two cases
    page_is_sound folder/report.html
    page_has '4 files are missing or cannot be read'
    page_has 'folder/pictures/a1.png: cannot be read: No such file'
    page_has 'folder/pictures/b1_psf.npy: '
    page_has 'no picture'
else
    skip 'missing pictures: this build has no libvips'
fi
rm -r folder

# texts of others stay texts
evil='"</title></script><script>alert(1)</script><img src=x onerror=alert(1)> \"quoted\" '"'single'"' & \u0001 %s%n"'
result e "$evil" "$evil" 0 25 suite="$evil" settings="$evil" device="$evil" protocol='"<b>p"' psf_told='"<i>1"' \
    blurred_file='"/gone/<script>.png"' truth_file='"/gone/\" onload=\"x"' result_file='"<svg onload=x>.png"'
result f "$evil" '"<u>slow"' 0 null failed=1 message="$evil"
expect 0 "$DIPPER" report folder -q
page_is_sound folder/report.html
page_lacks '<script'
page_lacks '<img src=x'
page_lacks '<svg onload'
page_has '&lt;script&gt;alert(1)&lt;/script&gt;'
page_has '&quot;quoted&quot; &#39;single&#39; &amp;   %s%n'
rm -r folder

# numbers that are not known, and equal pictures
result n '"one"' '"fast"' 0 null isnr_db=null psnr_nb_db=null psnr_blurred_db=null oracle_psnr_db=null ssim=null \
    true_psf_file='""' blurred_file='""' truth_file='""' result_file='""' psf_npy_file='""'
expect 0 "$DIPPER" report folder -q
page_is_sound folder/report.html
page_lacks 'nan'
result n '"one"' '"fast"' 0 '"Infinity"'
expect 0 "$DIPPER" report folder -q -f
page_is_sound folder/report.html
page_has '<td>∞</td>'

# a broken result is named, and the page that is there kept
echo '{' >folder/runs/broken.json
expect 3 "$DIPPER" report folder -q -f
one_line
err_has 'folder/runs/broken.json'
exists folder/report.html
finish
