# The broadcast alone with its log in memory, on a disk, and on a disk that is waited for: Zab's own figures. Rates are
# linear with the paper's on the right axis; times are logarithmic, on one axis with the paper's.
load "plots/style.gp"

set title sprintf("%s, %s\n%s · %s\n%s", heading, paper_name, load_text, cpu_text, caption)
set tmargin 6
set xlabel "servers"
set xrange [2:14]
set xtics 3,2
set key at screen 0.5, screen 0.015 center bottom horizontal maxcols 2
set bmargin 8.5
if (is_latency) {
    set ylabel "milliseconds"
    set logscale y
    set format y "%g"
} else {
    set ylabel "transactions per second"
    set yrange [0:cap]
    set format y "%.0s%c"
    if (has_paper) {
        set border 11 lc rgb "#444444"
        set y2range [0:paper_cap]
        set y2tics nomirror textcolor rgb "#222222"
        set format y2 "%.0s%c"
        set y2label "the paper's transactions per second"
        set rmargin 11
    }
}

file = results . "/figures.csv"
paper = results . "/paper.csv"
# Columns of ours: rate, least, most; or time, least, most.
middle = is_latency ? 12 : 3
least = is_latency ? 13 : 6
most = is_latency ? 14 : 7
# Side by side, so that bars do not hide each other.
shift(s) = (s - 2) * 0.14
pick(s) = (strcol(11) eq word(logs, s)) ? column(1) + shift(s) : NaN
pick_paper(s) = (strcol(1) eq word(logs, s)) ? column(2) + shift(s) : NaN

if (is_latency || !has_paper) {
    plot for [s = 1:words(logs)] file skip 1 using (pick(s)):middle:least:most with yerrorbars \
            lc rgb colour(s) pt 7 ps 1 lw 1.5 notitle, \
         for [s = 1:words(logs)] file skip 1 using (pick(s)):middle with lines \
            lc rgb colour(s) lw 2 title log_titles[s], \
         for [s = 1:words(logs)] paper skip 1 using (pick_paper(s)):3 with points \
            lc rgb colour(s) pt 6 ps 1.2 lw 1.3 title (s == 1 ? "the paper (hollow, same colours)" : "")
} else {
    plot for [s = 1:words(logs)] file skip 1 using (pick(s)):middle:least:most with yerrorbars \
            lc rgb colour(s) pt 7 ps 1 lw 1.5 notitle, \
         for [s = 1:words(logs)] file skip 1 using (pick(s)):middle with lines \
            lc rgb colour(s) lw 2 title log_titles[s], \
         for [s = 1:words(logs)] paper skip 1 using (pick_paper(s)):3:4:5 with yerrorbars axes x1y2 \
            lc rgb colour(s) pt 6 ps 1.2 lw 1 dt 2 \
            title (s == 1 ? "the paper (hollow, same colours, right axis)" : "")
}
