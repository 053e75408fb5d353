# Every metric of the runs in Results/history.ndjson on one machine, relative to its first run; changes of level as rings.
load "plots/style.gp"
set datafile separator whitespace

set title sprintf("Runs over time\n%s", caption)
set xlabel "run (commit)" offset 0,-2
set ylabel "relative to the first run"
set xrange [0.5:longest + 0.5]
eval "set xtics rotate by -60 (" . ticks . ")"
set yrange [*<0.95:1.05<*]
set format y "%.2f"
set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 3
set bmargin 13
array own_colours[6] = ["#0b4f9c", "#d9660b", "#2a8a4a", "#7a3b9c", "#777777", "#a33333"]
own_colour(n) = own_colours[(n - 1) % 6 + 1]

plot for [n = 1:count] sprintf("$runs%d", n) using 1:2 with linespoints \
        lc rgb own_colour(n) lw 2 pt 7 ps 0.7 title names[n], \
     for [n = 1:count] sprintf("$changes%d", n) using 1:2 with points \
        lc rgb own_colour(n) lw 2 pt 6 ps 2.2 notitle
