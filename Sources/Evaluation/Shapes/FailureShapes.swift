/// The shapes of the paper's Figure 8: throughput while servers fail and come back.
public enum FailureShapes {
    /// The least part of the first level that counts as coming back: the paper itself regains 84 % after event 2.
    static let recoveryShare = 0.75
    /// A dip to less than this part of the level before is near zero: a fail-over shorter than a sample leaves some.
    static let nearZeroShare = 0.2
    /// For how long throughput may stay below a fifth after a leader failed. The paper's two samples are 6 seconds.
    static let longestDipSeconds = 10.0

    /// - Parameters:
    ///   - refused: what the machine did not permit.
    ///   - twin: the same load without events, which shows how far levels move by themselves.
    public static func verdicts(
        _ course: FailureCourse, refused: RefusedLimits? = nil, twin: FailureCourse? = nil
    ) -> [ShapeVerdict] {
        var dips = followerDips(course, twin: twin)
        if refused?.budget != nil {
            // Whoever is left takes the CPU time of the server that is gone.
            dips.outcome = .notTested
            dips.measured += "; not judged: without CPU budgets the others take over that server's CPU time"
        }
        return [dips, leaderDips(course), recovery(course), redistribution(course)]
    }

    private static func percent(_ share: Double) -> String { "\(Decimal.text(share * 100, 0)) %" }

    private static func followerDips(_ course: FailureCourse, twin: FailureCourse?) -> ShapeVerdict {
        let name = "a follower that fails takes one server's share with it"
        let paper = "31, 23 and 20 % for events 1, 2 and 4a, next to nothing for 4b; a server's share of 5 is 20 %"
        var losses: [(label: String, loss: Double)] = []
        var lengths: [Double] = []
        for fault in course.faults where fault.isKill && !fault.isOnLeader {
            let end = course.momentAfter(fault.seconds)
            guard let before = course.levelBefore(fault.seconds), before > 0,
                let during = course.level(from: fault.seconds, to: end)
            else { continue }
            losses.append((fault.label, 1 - during / before))
            lengths.append(end - fault.seconds)
        }
        guard !losses.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "no follower failed", .notTested)
        }
        let share = 1 / Double(course.servers)
        let mean = losses.reduce(0) { $0 + $1.loss } / Double(losses.count)
        let words = losses.map { "\($0.label): \(percent($0.loss))" }.joined(separator: ", ")
        let noise = course.placeboDeviation(seconds: lengths.sorted()[lengths.count / 2], twin: twin)
        var measured = "\(words); in the mean \(percent(mean)), \(Decimal.text(mean / share, 1)) shares of a server"
        measured += "; where nothing fails, levels as far apart in time differ by \(percent(noise))"
        let meanNoise = 2 * noise / Double(losses.count).squareRoot()
        let outcome: ShapeVerdict.Outcome
        if losses.contains(where: { $0.loss > 2 * share + 2 * noise }) || mean + meanNoise < share / 4 {
            outcome = .notReproduced
        } else {
            outcome = mean > max(share / 4, meanNoise) ? .reproduced : .notTested
        }
        if outcome != .reproduced, let use = course.budgetUse, use.leader > 0.9, use.follower < 0.8 {
            measured += "; the leader set the rate, with \(percent(use.leader)) of its CPU budget used before the "
                + "first event, followers \(percent(use.follower)) of theirs: one less leaves the leader less to do"
        }
        return ShapeVerdict(name, paper: paper, measured: measured, outcome)
    }

    private static func leaderDips(_ course: FailureCourse) -> ShapeVerdict {
        let name = "a leader that fails stops the service for a moment"
        let paper = "to 1 % of the rate before, for two samples or about 6 s"
        var words: [String] = []
        var holds = true
        var seen = 0
        for fault in course.faults where fault.isKill && fault.isOnLeader {
            guard let before = course.levelBefore(fault.seconds), before > 0 else { continue }
            let after = course.samples.filter { $0.seconds >= fault.seconds && $0.seconds < fault.seconds + 15 }
            guard let lowest = after.filter({ $0.seconds < fault.seconds + 6 }).map(\.rate).min() else { continue }
            let spacing = after.count > 1 ? (after.last!.seconds - after[0].seconds) / Double(after.count - 1) : 0
            let low = Double(after.count { $0.rate < nearZeroShare * before }) * spacing
            var word = "\(fault.label): to \(percent(lowest / before)), below a fifth for \(Decimal.text(low, 1)) s"
            if lowest < nearZeroShare * before {
                seen += 1
                holds = holds && low <= longestDipSeconds
            } else if let silent = fault.silentMillis, silent < 1000 * spacing {
                // Samples cannot tell: each of the two that it touches has replies of before or after.
                word += ", no reply for \(Decimal.text(silent, 0)) ms, which is less than a sample"
            } else {
                holds = false
            }
            words.append(word)
        }
        guard !words.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "no leader failed", .notTested)
        }
        let outcome: ShapeVerdict.Outcome = !holds ? .notReproduced : seen > 0 ? .reproduced : .notTested
        return ShapeVerdict(name, paper: paper, measured: words.joined(separator: "; "), outcome)
    }

    private static func recovery(_ course: FailureCourse) -> ShapeVerdict {
        let name = "throughput comes back"
        let paper = "to 92 % of the first level after event 1, 84 % after 2, all or nearly all after 3, 4 and 6"
        var shares: [Double] = []
        for stretch in course.wholeStretches {
            let middle = (stretch.start + stretch.end) / 2
            guard let first = course.levelAtStart, first > 0, let level = course.level(from: middle, to: stretch.end)
            else { continue }
            shares.append(level / first)
        }
        guard !shares.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "the servers never were all back", .notTested)
        }
        return ShapeVerdict(
            name, paper: paper,
            measured: shares.map(percent).joined(separator: ", ") + " of the first level, each time all were back",
            holds: shares.allSatisfy { $0 >= recoveryShare })
    }

    private static func redistribution(_ course: FailureCourse) -> ShapeVerdict {
        let name = "clients change servers only when connections break"
        let paper = "said in the text: they stay where they are when a follower returns, and spread when a leader fails"
        var words: [String] = []
        var holds = true
        var known = false
        for event in course.events where event.isKill || !event.isFault {
            guard let on = event.clientsOnIt, let all = event.clients, all > 0, let lost = event.connectionsLost
            else { continue }
            // Some attempts meet a server that is going, and begin again.
            let few = max(2, all / 20)
            if !event.isFault {
                // Nobody leaves a server because another one is back.
                holds = holds && lost <= few
                if lost > few { words.append("\(event.label): \(lost) of \(all) moved when it came back") }
            } else if event.isOnLeader {
                // Followers close their clients' connections when they lose their leader.
                holds = holds && lost >= all - few
                words.append("\(event.label) (leader): \(lost) of \(all)")
            } else {
                known = true
                holds = holds && lost >= on - few && lost <= on + few
                words.append("\(event.label): \(lost) of \(all) moved, \(on) were on the server")
            }
        }
        guard known else {
            return ShapeVerdict(name, paper: paper, measured: "nobody counted clients", .notTested)
        }
        return ShapeVerdict(name, paper: paper, measured: words.joined(separator: "; "), holds: holds)
    }
}
