# Corral beside its peers: throughput above, CPU time of the servers per operation below, a panel for each size of ensemble.
load "plots/style.gp"

panels = words(sizes)
file = results . "/peers.csv"
kind_count = words(kinds)
# Kinds stand side by side at each mix.
place(k) = (k - (kind_count + 1) / 2.0) * 0.22
is_own(k, p) = stringcolumn(1) eq word(kinds, k) && column(2) == word(sizes, p) + 0
at(k, p) = is_own(k, p) ? column(4) + place(k) : NaN
# Hollow where the load generator may have been the limit.
full(k, p) = (is_own(k, p) && column(13) == 0) ? column(4) + place(k) : NaN
hollow(k, p) = (is_own(k, p) && column(13) == 1) ? column(4) + place(k) : NaN
size_title(p) = word(sizes, p) eq "1" ? "1 server" : word(sizes, p) . " servers"

left = 0.09
width = (0.985 - left) / panels
panel_left(p) = left + (p - 1) * width
panel_right(p) = left + p * width - 0.015

set multiplot
set label 1 heading at screen 0.5, 0.972 center textcolor rgb "#111111"
set label 2 load_text at screen 0.5, 0.941 center textcolor rgb "#111111"
set label 3 caption at screen 0.5, 0.910 center textcolor rgb "#111111"
set xrange [-0.6:mixes - 0.4]
eval "set xtics (" . ticks . ")"
set logscale y
unset key

# One scale for all panels of a row.
stats file skip 1 using 5 nooutput
least_rate = 10 ** floor(log10(STATS_min > 0 ? STATS_min : 1))
most_rate = 10 ** ceil(log10(STATS_max * 1.02))
stats file skip 1 using 8 nooutput
least_cpu = 10 ** floor(log10(STATS_min > 0 ? STATS_min : 1))
most_cpu = 10 ** ceil(log10(STATS_max * 1.02))

do for [p = 1:panels] {
    set lmargin at screen panel_left(p)
    set rmargin at screen panel_right(p)
    set tmargin at screen 0.85
    set bmargin at screen 0.535
    set title size_title(p) offset 0, -0.4
    set yrange [least_rate:most_rate]
    set format y (p == 1 ? "%.0s%c" : "")
    set ylabel (p == 1 ? "operations per second" : "")
    plot for [k = 1:kind_count] file skip 1 using (at(k, p)):5:6:7 with yerrorbars \
            lc rgb colour(k) pt 0 lw 1.5 notitle, \
         for [k = 1:kind_count] file skip 1 using (full(k, p)):5 with points lc rgb colour(k) pt 7 ps 1.1 notitle, \
         for [k = 1:kind_count] file skip 1 using (hollow(k, p)):5 with points \
            lc rgb colour(k) pt 6 ps 1.1 lw 1.5 notitle
    unset label 1
    unset label 2
    unset label 3
    unset title
}
do for [p = 1:panels] {
    set lmargin at screen panel_left(p)
    set rmargin at screen panel_right(p)
    set tmargin at screen 0.475
    set bmargin at screen 0.155
    set yrange [least_cpu:most_cpu]
    set format y (p == 1 ? "%g" : "")
    set ylabel (p == 1 ? "CPU per operation, µs" : "") offset 0.8, 0
    set xlabel "reads, percent"
    plot for [k = 1:kind_count] file skip 1 using (at(k, p)):8:9:10 with yerrorbars \
            lc rgb colour(k) pt 0 lw 1.5 notitle, \
         for [k = 1:kind_count] file skip 1 using (at(k, p)):8 with points \
            lc rgb colour(k) pt 7 ps 1.1 notitle
}

# The key has the whole width, in a plot of nothing else: panels are too narrow for it.
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen 0.06
set bmargin at screen 0.02
unset border
unset tics
unset xlabel
unset ylabel
unset logscale
unset grid
set xrange [0:1]
set yrange [0:1]
set key at screen 0.5, screen 0.03 center bottom horizontal maxrows 1 Left reverse samplen 1
plot for [k = 1:kind_count] NaN with points lc rgb colour(k) pt 7 ps 1.1 title kind_titles[k], \
     NaN with points lc rgb "#444444" pt 6 ps 1.1 title "load-bound"
unset multiplot
