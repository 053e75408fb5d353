servers = "corral apache"
array server_titles[2] = ["Corral 0.1.0", "Apache ZooKeeper 3.8.0"]
connections = "50"
has_null = 0
last_position = 5
ticks = '"0 %%" 0, "50 %%\n1:1" 1, "66.7 %%\n2:1" 2, "90.9 %%\n10:1" 3, "99.0 %%\n100:1" 4, "100 %%" 5'
durability = "fsync on"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
load_text = "5 servers, W=100, 1024-byte values, generator on the same CPUs"
offered_text = "5 servers, 10000 requests/s offered to each (Poisson), 50 connections, 66.7 % reads"
runs_text = "median of 2 runs, bars: min..max"
