# Predicted throughput of ensembles on hardware that somebody asks about, and the paper's own points hollow.
load "plots/style.gp"

set title sprintf("%s\n%s\n%s\n%s", heading, hardware, runs_text, machine)
set tmargin 7
set xlabel "reads, percent"
set ylabel "operations per second"
set xrange [-2:102]
set logscale y
set format y "%.0s%c"
set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 3
set bmargin 9.5

file = results . "/curves.csv"
paper = results . "/paper.csv"
pick(s) = (column(1) == word(sizes, s) + 0) ? column(2) : NaN
pick_paper(s) = (column(1) == word(paper_sizes, s) + 0) ? column(2) : NaN
position(size) = (found = 0, sum [s = 1:words(sizes)] \
    (found = (found == 0 && word(sizes, s) eq size) ? s : found, 0), found)

plot for [s = 1:words(sizes)] file skip 1 using (pick(s)):3 with lines \
        lc rgb size_colour(word(sizes, s)) lw 2 title word(sizes, s) . " servers", \
     for [s = 1:words(sizes)] (has_simulation ? results . "/simulated.csv" : "/dev/null") skip 1 \
        using (pick(s)):3 with points lc rgb size_colour(word(sizes, s)) pt 2 ps 0.9 lw 1.3 \
        title (s == 1 && has_simulation ? "the simulator (crosses)" : ""), \
     for [s = 1:words(paper_sizes)] paper skip 1 using (pick_paper(s)):3 with points \
        lc rgb size_colour(word(paper_sizes, s)) pt 6 ps 1.1 lw 1.2 \
        title (s == 1 ? "the paper (hollow, same colours)" : "")
