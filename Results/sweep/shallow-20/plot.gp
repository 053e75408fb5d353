servers = "corral apache"
array server_titles[2] = ["Corral 0.1.0", "Apache ZooKeeper 3.8.0"]
connections = "20"
has_null = 1
last_position = 1
ticks = '"100 %%" 0'
durability = "fsync on"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
load_text = "W=100, 1024-byte values, generator on the same CPUs"
offered_text = "10000 requests/s offered to each (Poisson), 50 connections, 66.7 % reads"
runs_text = "median of 2 runs, bars: min..max"
