import Foundation
import Load

/// What a result says in several places must be the same in all of them.
extension ExperimentCheck {
    /// Parts of two plans that differ, by name; empty when they are equal.
    static func differences<Plan: Encodable>(_ left: Plan, _ right: Plan) -> [String] {
        func fields(_ plan: Plan) -> [String: NSObject] {
            guard let data = try? JSONEncoder().encode(plan),
                let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
            else { return [:] }
            return object.compactMapValues { $0 as? NSObject }
        }
        let (own, other) = (fields(left), fields(right))
        return Set(own.keys).union(other.keys).filter { own[$0] != other[$0] }.sorted()
    }

    /// A sweep that is one step of an experiment: of its plan, its program, its machine and its place.
    static func step(
        _ sweep: SweepSummary, plan: SweepPlan, heading: SummaryHeading, place: String, name: String
    ) -> [String] {
        var problems: [String] = []
        if sweep.plan != plan {
            let parts = differences(sweep.plan, plan).joined(separator: ", ")
            problems.append("\(name): measured by another plan: \(parts)")
        }
        if sweep.experiment != heading.experiment || sweep.label != "\(heading.label)/\(place)" {
            problems.append("\(name): is \(sweep.experiment)/\(sweep.label), of another result")
        }
        if let environment = heading.environment {
            let (own, all) = (sweep.environment, environment)
            if own.commit != all.commit || own.dirty != all.dirty {
                problems.append("\(name): measured by another program, commit \(own.commit)")
            }
            if own.cpuCount != all.cpuCount || own.cpuModel != all.cpuModel {
                problems.append("\(name): measured on another machine")
            }
        }
        return problems
    }

    /// How servers of one subject were started: equally durable in all rounds, with the plan's settings.
    static func descriptions(
        _ descriptions: [ServerDescription], kind: ServerKind, settings: [String: String], name: String
    ) -> [String] {
        guard let first = descriptions.first else { return [] }
        var problems: [String] = []
        if descriptions.contains(where: { $0.durability != first.durability }) {
            problems.append("\(name): rounds differ in durability")
        }
        for description in descriptions {
            problems += ResultCheck.durability(description, kind: kind, name: name)
            guard !description.settings.isEmpty else { continue }
            for (key, value) in settings.sorted(by: { $0.key < $1.key }) where description.settings[key] != value {
                problems.append(
                    "\(name): \(key) was \(description.settings[key] ?? "not set"), the plan has \(value)")
            }
        }
        return Array(Set(problems)).sorted()
    }

    /// Servers that are compared must be equally durable.
    static func equalDurability(_ descriptions: [(name: String, description: ServerDescription)]) -> [String] {
        let groups = Dictionary(grouping: descriptions, by: \.description.durability)
        guard groups.count > 1 else { return [] }
        let text = groups.sorted { $0.key < $1.key }.map { key, list in
            "\(key): \(list.map(\.name).joined(separator: ", "))"
        }
        return ["what is compared differs in durability: \(text.joined(separator: "; "))"]
    }

    /// A valid result has nothing to say against itself.
    static func reasons(_ status: RunStatus, _ reasons: [String]) -> [String] {
        status == .valid && !reasons.isEmpty
            ? ["status is valid, with reasons against it: \(reasons.joined(separator: "; "))"] : []
    }
}
