import CAllocationCount

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the tests of the gates add to each operation.
enum Injection {
    case none
    case allocation
    case work

    func apply(_ count: Int) {
        switch self {
        case .none: return
        case .allocation: for _ in 0..<count { corral_allocate_once() }
        case .work:
            for _ in 0..<count {
                var value = UInt64(getpid())
                for step in 0..<1000 as Range<UInt64> { value = (value ^ step) &* 0x9e37_79b9_7f4a_7c15 }
                blackHole(value)
            }
        }
    }
}

/// Makes the optimizer believe that a value is needed.
@inline(never)
func blackHole(_ value: UInt64) { sink = value }
// Written by the program's one thread, read by nobody.
nonisolated(unsafe) private var sink: UInt64 = 0

func fail(_ text: String) -> Never {
    var message = Array("corral-micro: \(text)\n".utf8)
    message.withUnsafeMutableBytes { _ = write(2, $0.baseAddress!, $0.count) }
    exit(64)
}
