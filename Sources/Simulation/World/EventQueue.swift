/// What is to happen, by virtual time; at one time, in the order of scheduling.
struct EventQueue {
    private struct Entry {
        var time: UInt64
        var number: UInt64
        var action: () -> Void
    }

    private var heap: [Entry] = []
    private var nextNumber: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }
    var nextTime: UInt64? { heap.first?.time }

    mutating func push(at time: UInt64, _ action: @escaping () -> Void) {
        heap.append(Entry(time: time, number: nextNumber, action: action))
        nextNumber += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (time: UInt64, number: UInt64, action: () -> Void)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var parent = 0
            while true {
                var child = parent * 2 + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, precedes(child + 1, child) { child += 1 }
                guard precedes(child, parent) else { break }
                heap.swapAt(child, parent)
                parent = child
            }
        }
        return (first.time, first.number, first.action)
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        let (left, right) = (heap[left], heap[right])
        return left.time != right.time ? left.time < right.time : left.number < right.number
    }
}
