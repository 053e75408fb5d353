import Load

/// What an experiment's file asks of the machine and did not get: the run went on without, and everything said of it
/// says so.
public struct RefusedLimits: Codable, Equatable, Sendable {
    /// The CPU budget of each server, for which capacity is derived from cost per operation; nil where there was one,
    /// or none was asked for.
    public var budget: CpuBudget?
    public var budgetReason: String?
    /// The link of each server; nil where there was one, or none was asked for.
    public var network: NetworkPlan?
    public var networkReason: String?

    /// A sentence for each.
    public var sentences: [String] {
        var list: [String] = []
        if let budget {
            let percent = NumberFormat.short(budget.percent)
            list.append(
                "no CPU budgets (\(budgetReason ?? "")): servers and generator shared the machine's CPUs; what "
                    + "servers with \(percent) % of a CPU would do is derived from cost per operation")
        }
        if let network { list.append("no networks (\(networkReason ?? "")): servers without \(network.text)") }
        return list
    }
}

/// What each server had, for titles and captions.
struct LimitText {
    var budget: CpuBudget?
    var network: NetworkPlan?
    var refused: RefusedLimits?
    /// Whether what is shown is derived for the budget that was refused.
    var isDerived = false

    var text: String {
        var text: String
        if let budget {
            text = "each server has \(NumberFormat.short(budget.percent)) % of a CPU"
        } else if let asked = refused?.budget, isDerived {
            let percent = NumberFormat.short(asked.percent)
            text = "DERIVED from cost per operation for \(percent) % of a CPU each, no budgets here"
        } else if refused?.budget != nil {
            text = "NO CPU BUDGETS here: servers and generator share the CPUs"
        } else {
            text = "all servers and the generator share the machine's CPUs"
        }
        if let network { text += ", \(network.text)" }
        if refused?.network != nil { text += ", NO LINKS here" }
        return text
    }
}

/// Which limits may be used; what may not is treated as what the machine does not permit.
public struct LimitChoice: Sendable {
    public var usesBudgets: Bool
    public var usesNetworks: Bool

    public init(usesBudgets: Bool = true, usesNetworks: Bool = true) {
        self.usesBudgets = usesBudgets
        self.usesNetworks = usesNetworks
    }
}

extension ExperimentFile {
    /// Tries the limits that this asks for, leaves out those that the machine does not permit, and remembers them as
    /// `refused`.
    public mutating func settleLimits(_ choice: LimitChoice) {
        NetworkPlan.removeStale()
        var refused = RefusedLimits()
        if let budget = limits.budget {
            refused.budgetReason = choice.usesBudgets ? budget.refusal : "switched off with --no-budgets"
            if refused.budgetReason != nil { refused.budget = budget }
        }
        if let network = limits.network {
            refused.networkReason = choice.usesNetworks ? network.refusal : "switched off with --no-network"
            if refused.networkReason != nil { refused.network = network }
        }
        guard refused != RefusedLimits() else { return }
        limits = (
            refused.budget == nil ? limits.budget : nil, refused.network == nil ? limits.network : nil
        )
        self.refused = refused
    }

    private var limits: (budget: CpuBudget?, network: NetworkPlan?) {
        get {
            switch body {
            case .saturation(let plan): (plan.budget, plan.network)
            case .broadcast(let plan): (plan.budget, plan.network)
            case .failures(let plan): (plan.run.budget, plan.run.network)
            case .creates(let plan): (nil, plan.network)
            default: (nil, nil)
            }
        }
        set {
            switch body {
            case .saturation(var plan):
                (plan.budget, plan.network) = newValue
                body = .saturation(plan)
            case .broadcast(var plan):
                (plan.budget, plan.network) = newValue
                body = .broadcast(plan)
            case .failures(var plan):
                (plan.run.budget, plan.run.network) = newValue
                body = .failures(plan)
            case .creates(var plan):
                plan.network = newValue.network
                body = .creates(plan)
            default: break
            }
        }
    }
}
