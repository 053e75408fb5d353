# Synchronous creates a second over the size of the ensemble, a line for each number of workers; the paper's hollow.
load "plots/style.gp"

set title sprintf("%s, %s\n%s · %s\n%s", heading, paper_name, load_text, cpu_text, caption)
set tmargin 6
set xlabel "servers"
set ylabel "creates per second"
set xrange [first_size - 1:last_size + 1]
set xtics 1,2
set logscale y
set format y "%.0s%c"
set key at screen 0.5, screen 0.015 center bottom horizontal maxcols 3
set bmargin 8.5

file = results . "/figures.csv"
paper = results . "/paper.csv"
pick(k, w) = (strcol(1) eq word(kinds, k) && column(3) == word(workers, w) + 0) ? column(2) : NaN
# Beside ours, so that neither hides the other.
pick_paper(w) = (column(2) == word(paper_workers, w) + 0) ? column(1) + 0.12 : NaN

plot for [w = 1:words(workers)] for [k = 1:words(kinds)] file skip 1 using (pick(k, w)):4:5:6 with yerrorbars \
        lc rgb colour(w) pt marks[k] ps 1 lw 1.3 notitle, \
     for [w = 1:words(workers)] for [k = 1:words(kinds)] file skip 1 using (pick(k, w)):4 with lines \
        lc rgb colour(w) lw 2 dt dashes[k] \
        title sprintf("%s%s worker%s", words(kinds) > 1 ? kind_titles[k] . ", " : "", word(workers, w), \
                      word(workers, w) eq "1" ? "" : "s"), \
     for [w = 1:words(paper_workers)] paper skip 1 using (pick_paper(w)):3 with points \
        lc rgb colour(w) pt 6 ps 1.3 lw 1.3 title (w == 1 ? "the paper (hollow, same colours)" : "")
