import ZooKeeperClient

/// What was seen, and the watch that tells when to look again.
struct Observation<Value: Sendable>: Sendable {
    var value: Value
    var watch: Watch
}

/// Looks, hands on what it sees when that is new, waits for the watch, and looks again, until nobody listens.
///
/// Of what nobody has taken yet, only the newest is kept.
///
/// - Parameter look: given what was seen last; answers nil when it must look again at once.
func following<Value: Sendable & Equatable>(
    _ path: String, _ look: @escaping @Sendable (Value?) async throws(RecipeError) -> Observation<Value>?
) -> AsyncThrowingStream<Value, any Error> {
    AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
        let task = Task {
            do {
                var last: Value?
                while true {
                    guard let seen = try await look(last) else { continue }
                    if seen.value != last { continuation.yield(seen.value) }
                    last = seen.value
                    try await seen.watch.fired(at: path)
                }
            } catch {
                if let error = error as? RecipeError, error.reason == .cancelled {
                    continuation.finish()
                } else {
                    continuation.finish(throwing: error)
                }
            }
        }
        continuation.onTermination = { _ in task.cancel() }
    }
}
