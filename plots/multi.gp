# Writes in multis: throughput and CPU per operation over the number of operations in one.
load "plots/style.gp"

set title sprintf("%s\n%s\n%s", heading, load_text, caption)
set multiplot
# What is of another curve does not interrupt this one.
set datafile missing NaN
file = results . "/curves.csv"
pick(s, m) = (stringcolumn(1) eq word(subjects, s) && stringcolumn(3) eq m) ? column(4) : NaN
set logscale xy
set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
set format y "%.0s%c"
set xrange [0.8:*]

set tmargin at screen 0.86
set bmargin at screen 0.54
set ylabel "operations per second"
set key top left
plot for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "operations_per_s")):5:6 with yerrorbars \
        lc rgb colour(s) pt 7 ps 0.9 lw 1.2 notitle, \
     for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "operations_per_s")) with lines \
        lc rgb colour(s) lw 2 title subject_titles[s]

set title ""
set tmargin at screen 0.47
set bmargin at screen 0.11
set ylabel "server CPU, µs per operation"
set format y "%g"
set xlabel "operations in a multi"
plot for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "cpu_us")):5:6 with yerrorbars \
        lc rgb colour(s) pt 7 ps 0.9 lw 1.2 notitle, \
     for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "cpu_us")) with lines \
        lc rgb colour(s) lw 2 notitle
unset multiplot
