# The broadcast alone over the size of the ensemble: means, with the slowest and the fastest half second. The paper's
# hollow, on the right axis, which is to the left one as their run is to ours.
load "plots/style.gp"

set title sprintf("%s, %s\n%s\n%s", heading, paper_name, with_load(cpu_text), caption)
set tmargin title_margin(cpu_text)
set xlabel "servers"
set ylabel "transactions per second"
set xrange [2:14]
set xtics 3,2
set yrange [0:cap]
set format y "%.0s%c"
if (has_paper) {
    set border 11 lc rgb "#444444"
    set y2range [0:75000]
    set y2tics nomirror textcolor rgb "#222222"
    set format y2 "%.0s%c"
    set y2label "the paper's transactions per second"
    set rmargin 11
}
set key top right

file = results . "/figures.csv"
paper = results . "/paper.csv"
# Where the machine permits no CPU budgets: what was derived for them, with its interval, instead of what was measured.
if (!exists("is_derived")) is_derived = 0
middle = is_derived ? 11 : 3
least = is_derived ? 12 : 6
most = is_derived ? 13 : 7
# Sizes of data side by side, so that bars do not hide each other.
shift(s) = (s - 1 - (words(payloads) - 1) / 2.0) * 0.16
pick(s) = (column(2) == word(payloads, s) + 0) ? column(1) + shift(s) : NaN

plot for [s = 1:words(payloads)] file skip 1 using (pick(s)):middle:least:most with yerrorbars \
        lc rgb colour(s) pt 7 ps 1 lw 1.5 notitle, \
     for [s = 1:words(payloads)] file skip 1 using (pick(s)):middle with lines \
        lc rgb colour(s) lw 2 title sprintf("%s bytes of data", word(payloads, s)), \
     has_paper ? paper : "/dev/null" skip 1 using ($1 + 0.3):2:3:4 with yerrorbars axes x1y2 \
        lc rgb null_colour pt 6 ps 1.2 lw 1.3 \
        title (has_paper ? "the paper (hollow, right axis)" : "")
