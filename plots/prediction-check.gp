# The model against the run that its costs are from: lines predicted, points measured.
load "plots/style.gp"

set title sprintf("The prediction against the measurement itself\n%s\n%s", runs_text, machine)
set tmargin 6
set xlabel "reads, percent"
set ylabel "operations per second"
set xrange [-2:102]
set logscale y
set format y "%.0s%c"
set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 3
set bmargin 9.5

file = results . "/check.csv"
measured = results . "/measured.csv"
pick(s) = (column(1) == word(sizes, s) + 0) ? column(2) : NaN

plot for [s = 1:words(sizes)] file skip 1 using (pick(s)):3 with lines \
        lc rgb size_colour(word(sizes, s)) lw 2 title word(sizes, s) . " servers, predicted", \
     for [s = 1:words(sizes)] (has_simulation ? results . "/simulated-check.csv" : "/dev/null") skip 1 \
        using (pick(s)):3 with points lc rgb size_colour(word(sizes, s)) pt 2 ps 0.9 lw 1.3 \
        title (s == 1 && has_simulation ? "the simulator (crosses)" : ""), \
     for [s = 1:words(sizes)] measured skip 1 using (pick(s)):4 with points \
        lc rgb size_colour(word(sizes, s)) pt 7 ps 1 title (s == 1 ? "measured (same colours)" : "")
