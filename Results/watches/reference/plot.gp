heading = "Watches: setting, firing, storms"
durability = "fsync"
machine = "2 CPUs AMD EPYC (virtual), Linux 6.18.44-fc-v657"
runs_text = "one round"
subjects = "corral-1 apache-1"
array subject_titles[2] = ["Corral", "Apache ZooKeeper"]
array subject_colours[2] = [1, 2]
array subject_dashes[2] = [1, 1]
