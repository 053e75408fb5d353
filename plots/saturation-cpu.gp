# What an operation of the whole ensemble costs its leader, and each of its followers.
load "plots/style.gp"

if (!exists("measured_text")) measured_text = cpu_text
set title sprintf("CPU per operation and role: %s\n%s\n%s", heading, with_load(measured_text), caption)
set tmargin title_margin(measured_text)
set xlabel "reads, percent"
set ylabel "CPU time per operation of the ensemble, µs"
set xrange [-2:102]
set logscale y
set format y "%g"
set key at screen 0.5, screen 0.02 center bottom horizontal maxcols 4
set bmargin (are_pairs ? 11 : 9)

file = results . "/roles.csv"
pick(s, role) = (stringcolumn(1) eq word(subjects, s) && stringcolumn(3) eq role) ? column(4) : NaN
leader_dash(s) = are_pairs && is_paired(s) ? 4 : 1
leader_title(s) = !are_pairs || !is_paired(s) ? subject_titles[s] . ", leader" \
    : s == words(subjects) ? "dash-dotted: without clients" : ""

plot for [s = 1:words(subjects)] file skip 1 using (pick(s, "leader")):5:6:7 with yerrorbars \
        lc rgb size_colour(word(sizes, s)) pt 7 ps 0.8 lw 1.2 notitle, \
     for [s = 1:words(subjects)] file skip 1 using (pick(s, "leader")):5 with lines \
        lc rgb size_colour(word(sizes, s)) dt leader_dash(s) lw 2 title leader_title(s), \
     for [s = 1:words(subjects)] file skip 1 using (pick(s, "follower")):5 with linespoints \
        lc rgb size_colour(word(sizes, s)) dt 2 lw 1.5 pt 5 ps 0.5 \
        title (s == 1 ? "dashed: each follower" : "")
