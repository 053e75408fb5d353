# Shared by every plot: one look, a white ground of its own (so that it reads on dark pages and in print), colours that
# differ in lightness too, and nothing that changes between two runs of gnuplot on equal input.
#
# Called as: gnuplot -e "results='DIR'; out='FILE'; format='svg|png'" plots/NAME.gp

if (!exists("results") || !exists("out") || !exists("format")) {
    print "usage: gnuplot -e \"results='Results/sweep/LABEL'; out='plots/NAME.svg'; format='svg'\" plots/NAME.gp"
    exit status 1
}
load results . "/plot.gp"

set encoding utf8
if (format eq "svg") {
    set terminal svg size 920,650 fixed font "DejaVu Sans,13" background rgb "white" name "corral" noenhanced
} else {
    set terminal pngcairo size 920,650 font "DejaVu Sans,11" background rgb "white" noenhanced
}
set output out

set datafile separator ","
set border 3 lc rgb "#444444"
set tics nomirror textcolor rgb "#222222"
set grid ytics mytics lc rgb "#dddddd" lt 1 lw 1, lc rgb "#efefef" lt 1 lw 0.5
set key textcolor rgb "#222222" samplen 4 spacing 1.15
set title offset 0,0.3 textcolor rgb "#111111"
set lmargin 11
set rmargin 6
set bmargin 5.5
set tmargin 4.5

# Servers by position: the first (Corral) dark blue, the second orange, the null server grey.
array colours[4] = ["#0b4f9c", "#d9660b", "#2a8a4a", "#7a3b9c"]
null_colour = "#777777"
# Connection counts by position: solid and filled first.
array dashes[4] = [1, 2, 4, 5]
array marks[4] = [7, 6, 5, 4]

colour(server) = colours[server]
caption = sprintf("%s · %s · %s", durability, runs_text, machine)
