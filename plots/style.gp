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
array colours[8] = ["#0b4f9c", "#d9660b", "#2a8a4a", "#7a3b9c", "#b0182b", "#0f8b8d", "#8c6d1f", "#444444"]
null_colour = "#777777"
# Connection counts by position: solid and filled first.
array dashes[4] = [1, 2, 4, 5]
array marks[4] = [7, 6, 5, 4]

# Load and limits: one line of the title where they fit, else two.
is_long(limits) = strlen(load_text) + strlen(limits) > 104
with_load(limits) = is_long(limits) ? load_text . "\n" . limits : load_text . " · " . limits
title_margin(limits) = is_long(limits) ? 7.2 : 6

colour(server) = colours[server]
# Of an ensemble, by its servers: the same in every figure.
size_place(n) = n == 3 ? 1 : n == 5 ? 2 : n == 7 ? 3 : n == 9 ? 4 : n == 13 ? 5 : n == 1 ? 6 : 7
size_colour(n) = colours[size_place(n + 0)]
# Where every size is measured with clients everywhere and with clients on the followers, one entry of the key stands
# for all of the latter: the key has no room for so many.
if (exists("subjects")) {
    is_paired(s) = strstrt(word(subjects, s), "-followers") > 0
    are_pairs = words(subjects) > 6 && is_paired(words(subjects))
    subject_title(s) = !are_pairs || !is_paired(s) ? subject_titles[s] \
        : s == words(subjects) ? "dashed: clients on the followers" : ""
}
# Subjects of one size, by where their clients are and whose servers they have.
is_other(name) = strstrt(name, "corral") != 1
subject_dash(name) = strstrt(name, "followers") > 0 ? 2 : is_other(name) ? 4 : 1
subject_mark(name) = strstrt(name, "followers") > 0 ? 5 : is_other(name) ? 9 : 7
caption = sprintf("%s · %s · %s", durability, runs_text, machine)
