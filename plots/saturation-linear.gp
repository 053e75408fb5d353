# Figures 5 and 6 as the paper draws them: linear, and cut at the top. The paper's points are on the right axis, which is
# to the left one as their run is to ours.
load "plots/style.gp"

set title sprintf("%s, %s\n%s\n%s", heading, paper_name, with_load(cpu_text), caption)
set tmargin title_margin(cpu_text)
set xlabel "reads, percent"
set ylabel "operations per second"
set xrange [-2:102]
set yrange [0:cap]
set format y "%.0s%c"
if (paper_cap > 0) {
    set border 11 lc rgb "#444444"
    set y2range [0:paper_cap]
    set y2tics nomirror textcolor rgb "#222222"
    set format y2 "%.0s%c"
    set y2label "the paper's operations per second"
    set rmargin 11
}
set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 3
set bmargin (are_pairs ? 9.5 : 8)

# derived.csv where the machine permits no CPU budgets: the same columns, and the title says so.
if (!exists("figures_file")) figures_file = "figures.csv"
file = results . "/" . figures_file
paper = results . "/paper.csv"
pick(s) = (stringcolumn(1) eq word(subjects, s)) ? column(5) : NaN
pick_paper(s) = (column(1) == word(paper_sizes, s) + 0) ? column(2) : NaN
position(size) = (found = 0, sum [s = 1:words(subjects)] \
    (found = (found == 0 && word(sizes, s) eq size) ? s : found, 0), found)
paper_colour(s) = position(word(paper_sizes, s)) > 0 ? size_colour(word(paper_sizes, s)) : null_colour

plot for [s = 1:words(subjects)] file skip 1 using (pick(s)):6:7:8 with yerrorbars \
        lc rgb size_colour(word(sizes, s)) pt subject_mark(word(subjects, s)) ps 0.9 lw 1.2 notitle, \
     for [s = 1:words(subjects)] file skip 1 using (pick(s)):6 with lines \
        lc rgb size_colour(word(sizes, s)) dt subject_dash(word(subjects, s)) lw 2 title subject_title(s), \
     for [s = 1:(paper_cap > 0 ? words(paper_sizes) : 0)] paper skip 1 using (pick_paper(s)):3 with points axes x1y2 \
        lc rgb paper_colour(s) pt 6 ps 1.1 lw 1.2 \
        title (s == 1 ? "the paper (hollow, right axis)" : "")
