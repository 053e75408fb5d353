# Throughput against the share of reads, closed loop, with intervals: the shape of the paper's Figure 5, one server.
load "plots/style.gp"

set title sprintf("Throughput against read share, %s\n%s", load_text, caption)
set xlabel "reads (reads:writes)" offset 0,-0.8
set ylabel "operations per second"
set xrange [-0.25:last_position + 0.25]
eval "set xtics (" . ticks . ")"
set format y "%.0s%c"
if (words(servers) > 1) {
    set logscale y
    set yrange [1e4:*]
    set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 2
    set bmargin 11
} else {
    set yrange [0:*]
    set key bottom right
}

file = results . "/saturation.csv"
pick(s, c) = \
    (stringcolumn(1) eq word(servers, s) && column(2) == word(connections, c) + 0) ? column(5) : NaN

plot for [s = 1:words(servers)] for [c = 1:words(connections)] file skip 1 \
        using (pick(s, c)):6:7:8 with yerrorbars \
        lc rgb colour(s) pt marks[c] ps 1 lw 1.5 notitle, \
     for [s = 1:words(servers)] for [c = 1:words(connections)] file skip 1 \
        using (pick(s, c)):6 with lines \
        lc rgb colour(s) dt dashes[c] lw 2 \
        title sprintf("%s, %s connections", server_titles[s], word(connections, c))
