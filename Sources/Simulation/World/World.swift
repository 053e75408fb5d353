/// Virtual time and everything that happens in it, on one thread.
///
/// Nothing in the simulation asks the system for time or chance, and nothing depends on the order of a dictionary or a
/// set: the seed alone decides.
public final class World {
    /// Nanoseconds since the world began.
    public private(set) var now: UInt64 = 0
    public private(set) var eventCount: UInt64 = 0
    public var trace = Trace()
    private var queue = EventQueue()
    /// The first thing found wrong; the world stops at it.
    public private(set) var violation: Violation?

    public init() {}

    func after(_ delay: UInt64, _ action: @escaping () -> Void) { at(now + delay, action) }

    func at(_ time: UInt64, _ action: @escaping () -> Void) { queue.push(at: max(time, now), action) }

    /// Lets happen what is due until a time, or until something is found wrong.
    func run(until end: UInt64) {
        while violation == nil, let next = queue.nextTime, next <= end { step() }
        if violation == nil { now = max(now, end) }
    }

    private func step() {
        guard let (time, number, action) = queue.pop() else { return }
        now = time
        eventCount += 1
        trace.mix(.event, time, Int64(bitPattern: number), 0)
        action()
    }

    /// Forgets what was to happen: those actions keep alive whom they belong to.
    func end() { queue = EventQueue() }

    func note(_ kind: Trace.Kind, _ first: Int64, _ second: Int64) { trace.mix(kind, now, first, second) }

    /// A line of the readable trace, composed only when somebody reads it.
    func say(_ text: @autoclosure () -> String) {
        guard let sink = trace.sink else { return }
        sink("\(TimeText.seconds(now)) \(text())")
    }

    func fail(_ property: Property, _ text: @autoclosure () -> String) {
        guard violation == nil else { return }
        let found = Violation(property: property, text: text(), timeNanos: now)
        say("VIOLATION \(found)")
        violation = found
    }
}

/// Lengths of virtual time.
enum Span {
    static let microsecond: UInt64 = 1000
    static let millisecond: UInt64 = 1_000_000
    static let second: UInt64 = 1_000_000_000
}

enum TimeText {
    /// Seconds with six decimals.
    static func seconds(_ nanos: UInt64) -> String {
        let micros = nanos / 1000
        let fraction = String(micros % 1_000_000)
        return "\(micros / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
    }
}
