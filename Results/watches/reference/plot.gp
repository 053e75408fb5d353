heading = "Watches: setting, firing, storms"
durability = "fsync"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
runs_text = "3 rounds, median and interval"
subjects = "corral-1 corral-3 apache-1 apache-3"
array subject_titles[4] = ["Corral, 1 server", "Corral, 3 servers", "Apache ZooKeeper, 1 server", "Apache ZooKeeper, 3 servers"]
array subject_colours[4] = [1, 1, 2, 2]
array subject_dashes[4] = [1, 2, 1, 2]
