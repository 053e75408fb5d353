import Dispatch
import Synchronization

/// The way from a command, which owns its thread, to asynchronous code.
public enum Blocking {
    /// Runs a body as a task and blocks this thread until it ends. Not for use within a task.
    public static func wait<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) throws(LoadError) -> Value {
        let result = Mutex<Result<Value, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        Task {
            do {
                let value = try await body()
                result.withLock { $0 = .success(value) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            done.signal()
        }
        done.wait()
        do {
            return try result.withLock { $0! }.get()
        } catch let error as LoadError {
            throw error
        } catch {
            throw .connection("\(error)")
        }
    }
}
