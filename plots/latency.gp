# Response time from the planned send, by percentile, every server at the same offered load (open loop).
load "plots/style.gp"

latency_caption = sprintf("%s · all runs merged · %s", durability, machine)
set title sprintf("Response time by percentile, %s\n%s", offered_text, latency_caption)
set xlabel "percentile" offset 0,-0.3
set ylabel "response time from the planned send, µs"
set logscale xy
set xtics ("0" 1, "50" 2, "90" 10, "99" 100, "99.9" 1000, "99.99" 10000, "99.999" 100000)
set format y "%g"
set grid xtics ytics lc rgb "#dddddd" lt 1 lw 1
set xrange [1:*]
set key top left

file = results . "/spectrum.csv"
plot for [s = 1:words(servers)] file skip 1 \
        using ((stringcolumn(1) eq word(servers, s)) ? $3 : NaN):4 with lines lc rgb colour(s) lw 2.5 \
        title server_titles[s]
