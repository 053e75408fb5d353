/// Tables 2 and 3.
extension PaperPoints {
    /// Creates a second over the number of workers, by number of servers.
    public func creates(_ experiment: String) -> [Int: Curve] {
        var curves: [Int: Curve] = [:]
        for point in points(of: experiment) where point.parameter.hasPrefix("workers=") {
            guard let servers = point.servers, let workers = point.parameterValue else { continue }
            curves[servers, default: Curve()].add(workers, point.value)
        }
        return curves
    }

    /// Seconds over the number of barriers, by number of clients.
    public func barriers(_ experiment: String) -> [Int: Curve] {
        var curves: [Int: Curve] = [:]
        for point in points(of: experiment) {
            var values: [Substring: Int] = [:]
            for part in point.parameter.split(separator: ";") {
                let pair = part.split(separator: "=")
                if pair.count == 2 { values[pair[0]] = Int(pair[1]) }
            }
            guard let barriers = values["barriers"], let clients = values["clients"] else { continue }
            curves[clients, default: Curve()].add(Double(barriers), point.value)
        }
        return curves
    }
}
