/// A tree of a given number of znodes in two levels below a root, which is not counted.
struct TreeShape {
    let root: String
    let znodes: Int
    /// Znodes under the root count too, so that the total is exactly what was asked for.
    let parents: Int

    static let childrenPerParent = 1000

    init(root: String, znodes: Int) {
        self.root = root
        self.znodes = znodes
        parents = (znodes + Self.childrenPerParent) / (Self.childrenPerParent + 1)
    }

    var children: Int { znodes - parents }

    func parentPath(_ index: Int) -> String { "\(root)/p\(index)" }
    func childPath(_ index: Int) -> String { "\(root)/p\(index % parents)/n\(index / parents)" }

    /// Makes it below a root that is there; false when interrupted.
    func fill(
        _ client: ControlClient, value: [UInt8], title: String, progress: ProgressReporter
    ) throws(LoadError) -> Bool {
        let started = Clock.seconds
        try client.create(parents) { (parentPath($0), value) }
        var done = 0
        var nextLine = progress.intervalSeconds
        while done < children {
            if Interrupt.isRequested { return false }
            let first = done
            let count = min(50_000, children - done)
            try client.create(count) { (childPath(first + $0), value) }
            done += count
            let elapsed = max(0.001, Clock.seconds - started)
            guard elapsed >= nextLine else { continue }
            nextLine = elapsed + progress.intervalSeconds
            let left = elapsed * Double(children - done) / Double(done)
            progress.update(
                "\(title): \(done + parents) of \(znodes) znodes, \(short(Double(done) / elapsed))/s, "
                    + "\(fixed(left, 0)) s left")
        }
        return true
    }
}
