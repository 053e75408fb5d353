# A watch storm over its size: from the write to the first, the median and the last notification.
load "plots/style.gp"
# What is of another curve does not interrupt this one.
set datafile missing NaN

set title sprintf("%s\nthe last notification (with points), the median one, the first (dotted)\n%s", heading, caption)
set tmargin 6
set xlabel "sessions that watch the znode"
set ylabel "ms from the write to the notification"
set logscale xy
set format y "%g"
set xtics (100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
set offsets graph 0.05, graph 0.05, 0, 0
set key top left Left reverse

file = results . "/curves.csv"
pick(s, m) = (stringcolumn(1) eq word(subjects, s) && stringcolumn(3) eq m) ? column(4) : NaN

plot for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "last_ms")):5:6 with yerrorbars \
        lc rgb colour(subject_colours[s]) pt marks[subject_dashes[s]] ps 0.9 lw 1.2 notitle, \
     for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "last_ms")) with linespoints \
        lc rgb colour(subject_colours[s]) dt dashes[subject_dashes[s]] pt marks[subject_dashes[s]] ps 0.9 lw 2 \
        title subject_titles[s], \
     for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "median_ms")) with lines \
        lc rgb colour(subject_colours[s]) dt dashes[subject_dashes[s]] lw 1 notitle, \
     for [s = 1:words(subjects)] file skip 1 using 2:(pick(s, "first_ms")) with lines \
        lc rgb colour(subject_colours[s]) dt 3 lw 0.8 notitle
