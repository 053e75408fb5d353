/// Tells a file which part of it is read next, so that the disk works while what was read is used: the system itself
/// reads nothing ahead (`FileAccess.read`).
struct ReadAhead {
    /// How far ahead. Told of in halves, so that hints are few.
    let bytes: Int
    private var toldEnd = 0

    init(bytes: Int) { self.bytes = bytes }

    /// The file has been read up to `end`.
    mutating func advance(to end: Int, of file: any DiskFile) {
        // A jump, forwards or back.
        if toldEnd < end || toldEnd > end + bytes { toldEnd = end }
        guard toldEnd - end <= bytes / 2 else { return }
        file.prefetch(end + bytes - toldEnd, at: toldEnd)
        toldEnd = end + bytes
    }
}
