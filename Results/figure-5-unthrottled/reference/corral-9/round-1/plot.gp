servers = "corral"
array server_titles[1] = ["Corral 0.1.0"]
connections = "60"
has_null = 0
last_position = 5
ticks = '"0 %%" 0, "25 %%" 1, "50 %%\n1:1" 2, "75 %%\n3:1" 3, "90 %%\n9:1" 4, "100 %%" 5'
durability = "fsync on"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
load_text = "9 servers, W=100, 1024-byte values, generator on the same CPUs"
offered_text = "9 servers, 10000 requests/s offered to each (Poisson), 50 connections, 66.7 % reads"
runs_text = "one run each"
