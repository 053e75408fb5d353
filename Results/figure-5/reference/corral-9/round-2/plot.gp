servers = "corral"
array server_titles[1] = ["Corral 0.1.0"]
connections = "250"
has_null = 0
last_position = 13
ticks = '"0 %%" 0, "1 %%" 1, "5 %%" 2, "25 %%" 3, "40 %%" 4, "50 %%\n1:1" 5, "66.7 %%\n2:1" 6, "75 %%\n3:1" 7, "90 %%\n9:1" 8, "90.9 %%\n10:1" 9, "95 %%\n19:1" 10, "99 %%\n99:1" 11, "99.0 %%\n100:1" 12, "100 %%" 13'
durability = "fsync on"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
load_text = "9 servers, W=100, 1024-byte values, generator on the same CPUs"
offered_text = "9 servers, 10000 requests/s offered to each (Poisson), 50 connections, 66.7 % reads"
runs_text = "one run each"
