# Response time against offered load, one panel for each share of reads; hollow where servers did not keep up.
load "plots/style.gp"

panels = words(shares)
if (format eq "svg") {
    set terminal svg size 1100,(150 + 330 * panels) fixed font "DejaVu Sans,13" background rgb "white" \
        name "corral" noenhanced
} else {
    set terminal pngcairo size 1100,(150 + 330 * panels) font "DejaVu Sans,11" background rgb "white" noenhanced
}
set output out
file = results . "/curves.csv"
is(s, r) = stringcolumn(1) eq word(subjects, s) && abs(column(2) - (word(shares, r) + 0)) < 0.05
kept(s, r) = (is(s, r) && stringcolumn(12) eq "keptUp") ? column(4) : NaN
line(s, r, n) = (is(s, r) && column(3) == n && stringcolumn(12) ne "generatorBound") ? column(4) : NaN
lost(s, r) = (is(s, r) && stringcolumn(12) ne "keptUp" && stringcolumn(12) ne "generatorBound") ? column(4) : NaN
bound(s, r) = (is(s, r) && stringcolumn(12) eq "generatorBound") ? column(4) : NaN

set multiplot
set logscale xy
set format x "%.0s%c"
set format y "%g"
set ylabel "p99 of response time, ms"
top = 1.0 - 75.0 / (150 + 330 * panels)
bottom = 75.0 / (150 + 330 * panels)
high = (top - bottom) / panels
do for [r = 1:panels] {
    set tmargin at screen top - (r - 1) * high - 0.09 * high
    set bmargin at screen top - r * high + 0.08 * high
    set title (r == 1 ? sprintf("%s, %s\n%s\n%g %% reads", heading, load_text, caption, word(shares, r) + 0) \
                      : sprintf("%g %% reads", word(shares, r) + 0)) offset 0,-0.4
    if (r == panels) { set xlabel "offered requests per second" }
    if (r == 1) { set key top left } else { unset key }
    set arrow 1 from graph 0, first limit_ms to graph 1, first limit_ms nohead dt 2 lc rgb "#888888"
    plot for [s = 1:words(subjects)] for [n = 1:rounds] file skip 1 using (line(s, r, n)):7 with lines \
            lc rgb colour(s) lw 1 notitle, \
         for [s = 1:words(subjects)] file skip 1 using (kept(s, r)):7 with points \
            lc rgb colour(s) pt 7 ps 0.9 title subject_titles[s], \
         for [s = 1:words(subjects)] file skip 1 using (lost(s, r)):7 with points \
            lc rgb colour(s) pt 6 ps 1.1 lw 1.4 title (s == 1 ? "not kept up with (hollow)" : ""), \
         for [s = 1:words(subjects)] file skip 1 using (bound(s, r)):7 with points \
            lc rgb null_colour pt 2 ps 1.1 lw 1.4 title (s == 1 ? "the generator was the limit: no result" : "")
}
unset multiplot
