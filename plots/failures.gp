# Throughput and latency while servers fail and come back: Figure 8, with the paper's own curve (hollow) above ours.
load "plots/style.gp"

file = results . "/series.csv"
paper = results . "/paper.csv"
if (format eq "svg") {
    set terminal svg size 1100,980 fixed font "DejaVu Sans,13" background rgb "white" name "corral" noenhanced
} else {
    set terminal pngcairo size 1100,980 font "DejaVu Sans,11" background rgb "white" noenhanced
}
set output out
pick(s, c) = (stringcolumn(1) eq word(subjects, s) && valid(c)) ? column(c) : NaN
twin(s, c) = (stringcolumn(1) eq word(twins, s)) ? column(c) : NaN
has_paper = paper_marks_count > 0
# A sample is a tenth of a second: thin. The mean of each second is what the eye follows.
second(at) = floor(at) + 0.5
faint(c) = "#a0" . substr(c, 2, 7)

set multiplot
set lmargin at screen 0.08
set rmargin at screen 0.97
set key inside top right horizontal

# Ours.
set tmargin at screen 0.905
set bmargin at screen (has_paper ? 0.64 : 0.52)
set title sprintf("%s, %s\n%s · %s", heading, load_text, cpu_text, caption) offset 0,1.1
set xrange [0:seconds]
set yrange [0:*]
set ylabel "operations per second"
set format y "%.0s%c"
level = 0
do for [i = 1:marks_count] {
    set arrow i from mark_seconds[i], graph 0 to mark_seconds[i], graph 1 nohead \
        lc rgb (mark_faults[i] ? "#b02020" : "#2a8a4a") lw 1
    # Neighbours stand one above the other; what happens to two servers at once is written once.
    close = i > 1 ? mark_seconds[i] - mark_seconds[i - 1] < seconds / 15 : 0
    level = i > 1 && close ? 1 - level : 0
    same = close && mark_labels[i] eq mark_labels[i > 1 ? i - 1 : 1]
    if (!same) {
        set label i mark_labels[i] at mark_seconds[i], graph 1.025 + 0.045 * level center font ",10" tc rgb "#444444"
    }
}
plot for [s = 1:words(subjects)] file skip 1 using (pick(s, 2)):(pick(s, 3)) with lines \
        lc rgb faint(colour(s)) lw 0.7 title (s == 1 ? "samples of 100 ms" : ""), \
     for [s = 1:words(twins)] file skip 1 using (second(twin(s, 2))):(twin(s, 3)) smooth unique with lines \
        lc rgb null_colour lw 1.6 title (s == 1 ? "without failures" : ""), \
     for [s = 1:words(subjects)] file skip 1 using (second(pick(s, 2))):(pick(s, 3)) smooth unique with lines \
        lc rgb colour(s) lw 2.2 title subject_titles[s] . ", mean of 1 s"

# Latency on the same clock.
set title "" offset 0,0
do for [i = 1:marks_count] { unset label i }
set tmargin at screen (has_paper ? 0.59 : 0.45)
set bmargin at screen (has_paper ? 0.38 : 0.08)
set ylabel "service time of answers, ms"
set format y "%g"
set logscale y
set yrange [*:*]
set xlabel "seconds"
plot for [s = 1:words(subjects)] file skip 1 using (pick(s, 2)):(pick(s, 6)) with linespoints \
        lc rgb colour(s) lw 1.6 pt 7 ps 0.15 title "median of 100 ms", \
     for [s = 1:words(subjects)] file skip 1 using (pick(s, 2)):(pick(s, 7)) with lines \
        lc rgb colour(s) lw 0.8 dt 2 title "99th percentile"

# The paper's, on its own clock.
if (has_paper) {
    unset logscale y
    do for [i = 1:marks_count] { unset arrow i }
    set tmargin at screen 0.28
    set bmargin at screen 0.08
    set xrange [0:290]
    set yrange [0:70000]
    set ylabel "operations per second"
    set format y "%.0s%c"
    do for [i = 1:paper_marks_count] {
        set arrow i from paper_mark_seconds[i], graph 0 to paper_mark_seconds[i], graph 1 nohead lc rgb "#999999" dt 3
        set label i paper_mark_labels[i] at paper_mark_seconds[i], graph 1.04 center font ",10" tc rgb "#444444"
    }
    set xlabel "seconds (" . paper_name . " of the paper, one sample in 2.8 s, marks where its dips are)"
    plot paper skip 1 using 1:2 with linespoints lc rgb "#666666" lw 0.8 pt 6 ps 0.6 title "the paper (hollow)"
}
unset multiplot
