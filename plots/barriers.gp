# Time to pass double barriers over their number, a line for each number of clients; the paper's hollow.
load "plots/style.gp"

set title sprintf("%s, %s\n%s · %s\n%s", heading, paper_name, load_text, cpu_text, caption)
set tmargin 6
set xlabel "barriers"
set ylabel "seconds"
set logscale xy
set xrange [first_count * 0.8:last_count * 1.25]
set format y "%g"
set grid xtics lc rgb "#dddddd" lt 1 lw 1
set key at screen 0.5, screen 0.015 center bottom horizontal maxcols 3
set bmargin 8.5

file = results . "/figures.csv"
paper = results . "/paper.csv"
eval("set xtics (" . ticks . ")")
pick(s) = (column(1) == word(clients, s) + 0) ? column(2) : NaN
pick_paper(s) = (column(1) == word(clients, s) + 0) ? column(2) : NaN
has(list, item) = (sum [i = 1:words(list)] (word(list, i) eq item)) > 0
name(s) = sprintf("%s clients%s", word(clients, s), has(own_clients, word(clients, s)) ? "" : " (the paper alone)")

plot for [s = 1:words(clients)] file skip 1 using (pick(s)):3:4:5 with yerrorbars \
        lc rgb colour(s) pt 7 ps 1 lw 1.3 notitle, \
     for [s = 1:words(clients)] file skip 1 using (pick(s)):3 with lines lc rgb colour(s) lw 2 title name(s), \
     for [s = 1:words(clients)] paper skip 1 using (pick_paper(s)):3 with linespoints \
        lc rgb colour(s) pt 6 ps 1.2 lw 1 dt 3 title (s == 1 ? "the paper (hollow, same colours)" : "")
