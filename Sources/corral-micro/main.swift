import CAllocationCount

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// Runs one operation of the server's code so many times and says how often it allocated. Instructions are counted from
// outside, by valgrind, in a run of N and one of 2 N: their difference knows nothing of the start. `corral-bench micro`
// does both. No argument parser and no Foundation: the start is paid for in valgrind's time.

let usage = """
    usage: corral-micro list
           corral-micro NAME OPERATIONS [allocation | work]

    Prints the allocations made, after as many operations to warm up. 'allocation' and 'work' add one allocation, or a
    loop of some thousand instructions, to each operation: for the tests of the gates.
    """

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments == ["list"] {
    for benchmark in Benchmarks.all { print("\(benchmark.name) \(benchmark.operations)") }
    exit(0)
}
guard (2...3).contains(arguments.count), let count = Int(arguments[1]), count > 0 else {
    print(usage)
    exit(arguments.isEmpty || arguments == ["--help"] ? 0 : 64)
}
guard let benchmark = Benchmarks.all.first(where: { $0.name == arguments[0] }) else {
    fail("no benchmark is called '\(arguments[0])'; see corral-micro list")
}
let injection: Injection
switch arguments.dropFirst(2).first {
case nil: injection = .none
case "allocation": injection = .allocation
case "work": injection = .work
case .some(let other): fail("'\(other)' cannot be injected: allocation or work")
}

// Buffers reach their size before anything is counted.
let run = benchmark.prepare()
run(benchmark.warmup)
let before = corral_allocation_count()
run(count)
injection.apply(count)
print("allocations \(corral_allocation_count() - before)")
