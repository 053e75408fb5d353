servers = "corral"
array server_titles[1] = ["Corral 0.1.0"]
connections = "250"
has_null = 0
last_position = 1
ticks = '"0 %%" 0, "100 %%" 1'
durability = "fsync on"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
load_text = "3 servers, W=100, 1024-byte values, generator on the same CPUs"
offered_text = "3 servers, 10000 requests/s offered to each (Poisson), 50 connections, 66.7 % reads"
runs_text = "one run each"
