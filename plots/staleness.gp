# How far reads are behind what was acknowledged, over the writes offered to the leader: in milliseconds, in
# transactions. Reads that show everything count as 0, which a logarithmic axis leaves out.
load "plots/style.gp"
# What is of another curve does not interrupt this one.
set datafile missing NaN
if (format eq "svg") {
    set terminal svg size 920,900 fixed font "DejaVu Sans,13" background rgb "white" name "corral" noenhanced
} else {
    set terminal pngcairo size 920,900 font "DejaVu Sans,11" background rgb "white" noenhanced
}
set output out

file = results . "/curves.csv"
positive(value) = value > 0 ? value : NaN
pick(s, r, m) = (stringcolumn(1) eq word(subjects, s) && stringcolumn(2) eq word(roles, r) && stringcolumn(4) eq m) \
    ? positive(column(5)) : NaN
name(s, r) = subject_titles[s] . ": " . word(roles, r)

set multiplot
set logscale xy
set format y "%g"
set lmargin at screen 0.1
set rmargin at screen 0.97
set key at screen 0.53, screen 0.475 center center horizontal maxcols 2 Left reverse
set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05

set tmargin at screen 0.92
set bmargin at screen 0.54
set title sprintf("%s\n%s", heading, caption)
set ylabel "reads behind, ms: 99th percentile; longest dotted"
plot for [s = 1:words(subjects)] for [r = 1:words(roles)] file skip 1 using 3:(pick(s, r, "behind_p99_ms")) \
        with linespoints lc rgb colour(subject_colours[s]) dt dashes[r] pt marks[r] ps 0.9 lw 2 title name(s, r), \
     for [s = 1:words(subjects)] for [r = 1:words(roles)] file skip 1 using 3:(pick(s, r, "behind_longest_ms")) \
        with linespoints lc rgb colour(subject_colours[s]) dt 3 pt marks[r] ps 0.5 lw 0.8 notitle

set tmargin at screen 0.41
set bmargin at screen 0.08
set title ""
set xlabel "writes offered a second"
set ylabel "transactions behind, 99th percentile"
plot for [s = 1:words(subjects)] for [r = 1:words(roles)] file skip 1 using 3:(pick(s, r, "zxids_p99")) \
        with linespoints lc rgb colour(subject_colours[s]) dt dashes[r] pt marks[r] ps 0.9 lw 2 notitle
unset multiplot
