# Server CPU time per operation against the share of reads, with the null server's as the floor.
load "plots/style.gp"

set title sprintf("Server CPU per operation, %s\n%s", load_text, caption)
set xlabel "reads (reads:writes)" offset 0,-0.8
set ylabel "server CPU time per operation, µs"
set xrange [-0.25:last_position + 0.25]
eval "set xtics (" . ticks . ")"
set logscale y
set format y "%g"
set yrange [0.05:*]
set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 2
set bmargin 12

file = results . "/saturation.csv"
pick(s, c) = \
    (stringcolumn(1) eq word(servers, s) && column(2) == word(connections, c) + 0) ? column(5) : NaN
pick_floor(c) = \
    (stringcolumn(1) eq "null" && column(2) == word(connections, c) + 0) ? column(5) : NaN

plot for [s = 1:words(servers)] for [c = 1:words(connections)] file skip 1 \
        using (pick(s, c)):9:10:11 with yerrorbars \
        lc rgb colour(s) pt marks[c] ps 1 lw 1.5 notitle, \
     for [s = 1:words(servers)] for [c = 1:words(connections)] file skip 1 \
        using (pick(s, c)):9 with lines \
        lc rgb colour(s) dt dashes[c] lw 2 \
        title sprintf("%s, %s connections", server_titles[s], word(connections, c)), \
     has_null ? file : "/dev/null" skip 1 \
        using (pick_floor(words(connections))):9 with linespoints lc rgb null_colour dt 3 lw 2 pt 1 \
        title "null server (canned replies)"
