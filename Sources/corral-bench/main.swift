print("corral-bench")
