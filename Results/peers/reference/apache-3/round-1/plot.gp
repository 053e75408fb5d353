servers = "apache"
array server_titles[1] = ["Apache ZooKeeper 3.8.0"]
connections = "20"
has_null = 0
last_position = 3
ticks = '"0 %%" 0, "50 %%\n1:1" 1, "90 %%\n9:1" 2, "100 %%" 3'
durability = "fsync on"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
load_text = "3 servers, W=100, 1024-byte values, generator on the same CPUs"
offered_text = "3 servers, 10000 requests/s offered to each (Poisson), 20 connections, 66.7 % reads"
runs_text = "one run each"
