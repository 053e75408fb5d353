/// How long steps take against what was estimated of them. A window's last requests are waited for, which takes seconds
/// where the servers are slow; nobody knows beforehand.
struct Pace {
    private var estimated = 0.0
    private var taken = 0.0

    mutating func add(estimated seconds: Double, took actual: Double) {
        estimated += seconds
        taken += actual
    }

    /// What is to be expected of steps of which so many seconds were estimated.
    func seconds(_ left: Double) -> Double { estimated > 0 ? left * taken / estimated : left }
}
