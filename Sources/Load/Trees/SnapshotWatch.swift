import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A time in which a server wrote a snapshot, on the monotonic clock.
struct SnapshotSpan: Equatable, Sendable {
    var startNanos: UInt64
    var endNanos: UInt64
    /// Still being written when the watch ended, or begun before.
    var isCut: Bool
}

/// Watches when a server writes snapshots: from a snapshot's file being made until it is closed, as the kernel tells.
///
/// Used from one thread. The kernel keeps what happens until `stop` reads it, with the order; times are taken by a
/// thread of its own, which `stop` ends. What it shares lies under `shared`.
final class SnapshotWatch: Sendable {
    private struct Shared {
        var spans: [SnapshotSpan] = []
        var began: UInt64?
    }

    private let descriptor: Int32
    private let shared = Mutex(Shared())
    private let isStopping = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)

    /// How soon the thread notices that it is to end.
    private static let pauseMillis: Int32 = 20

    /// - Parameter directory: where the server's snapshots are.
    init(_ directory: String) throws(LoadError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0,
            inotify_add_watch(descriptor, directory, UInt32(IN_CREATE) | UInt32(IN_CLOSE_WRITE)) >= 0
        else { throw .environment("cannot watch \(directory): \(String(cString: strerror(errno)))") }
        try PlainThread.start {
            while !self.isStopping.load(ordering: .relaxed) {
                var waiting = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&waiting, 1, Self.pauseMillis) > 0 { self.take() }
            }
            self.hasEnded.store(true, ordering: .releasing)
        }
    }

    deinit { close(descriptor) }

    /// Ends the watch and takes what it found. To be called once.
    func stop() -> [SnapshotSpan] {
        isStopping.store(true, ordering: .relaxed)
        while !hasEnded.load(ordering: .acquiring) { usleep(1000) }
        take()
        return shared.withLock { state in
            if let began = state.began {
                state.spans.append(
                    SnapshotSpan(startNanos: began, endNanos: corral_monotonic_nanos(), isCut: true))
            }
            return state.spans
        }
    }

    private func take() {
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 8) { buffer in
            while true {
                let count = read(descriptor, buffer.baseAddress!, buffer.count)
                if count <= 0 { return }
                let now = corral_monotonic_nanos()
                var place = 0
                // Descriptor, mask, cookie, length of the name; the name, filled up with zeros.
                while place + 16 <= count {
                    let mask = buffer.load(fromByteOffset: place + 4, as: UInt32.self)
                    let length = Int(buffer.load(fromByteOffset: place + 12, as: UInt32.self))
                    let name = buffer[place + 16..<place + 16 + length].prefix { $0 != 0 }
                    place += 16 + length
                    // Also under a name that it has until it is whole.
                    guard String(decoding: name, as: UTF8.self).contains("snapshot") else { continue }
                    note(begins: mask & UInt32(IN_CREATE) != 0, at: now)
                }
            }
        }
    }

    private func note(begins: Bool, at now: UInt64) {
        shared.withLock { state in
            if begins {
                if state.began == nil { state.began = now }
            } else {
                // Without a begin it was being written before anybody looked.
                state.spans.append(
                    SnapshotSpan(startNanos: state.began ?? 0, endNanos: now, isCut: state.began == nil))
                state.began = nil
            }
        }
    }
}
