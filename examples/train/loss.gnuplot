# The loss curve, twice: as text on standard output and as SVG. folder, bigram and columns are set by the caller.
set datafile separator "\t"
set xlabel "step"
set ylabel "nats a character"
set yrange [*:*]
set key top right
set terminal dumb size columns, 22 mono
plot folder."/loss.tsv" using 1:2 with lines title "training", \
     folder."/validation.tsv" using 1:2 with points pt "v" title "validation", \
     bigram with dots title "bigram model"
set terminal svg size 800, 480 background "white" font "sans,13"
set output folder."/loss.svg"
set grid
plot folder."/loss.tsv" using 1:2 with lines lw 2 title "training", \
     folder."/validation.tsv" using 1:2 with linespoints pt 7 lw 2 title "validation", \
     bigram with lines dt 2 title "bigram model"
