/// Runs something that can be cancelled, for a limited time. What it got in the very moment that its time ran out
/// counts.
func limited<Value: Sendable>(
    to limit: Duration?, at path: String, _ body: @escaping @Sendable () async throws(RecipeError) -> Value
) async throws(RecipeError) -> Value {
    guard let limit else { return try await body() }
    let result = await withTaskGroup(of: Result<Value, RecipeError>?.self) { group in
        group.addTask {
            do throws(RecipeError) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        var isTimedOut = false
        while let first = await group.next() {
            guard let result = first else {
                // The caller's cancellation ends the sleep too.
                isTimedOut = !Task.isCancelled
                group.cancelAll()
                continue
            }
            group.cancelAll()
            if case .failure(let error) = result, error.reason == .cancelled, isTimedOut {
                return Result<Value, RecipeError>.failure(RecipeError(.timedOut, path: path))
            }
            return result
        }
        preconditionFailure("the body answers")
    }
    return try result.get()
}
