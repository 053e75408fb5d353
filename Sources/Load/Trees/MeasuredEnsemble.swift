extension ServerOptions {
    /// Refuses, before anything is measured, kinds of servers whose programs are missing.
    public func check(_ kinds: [ServerKind]) throws(LoadError) {
        for kind in kinds { try ManagedServer.checkStartable(kind, options: self) }
    }
}

/// A fresh ensemble of one kind of server, all in step, and what a result says of it. Used from one thread.
struct MeasuredEnsemble {
    let ensemble: ManagedEnsemble
    let control: ControlClient

    init(
        _ kind: ServerKind, servers: Int, settings: [String: String], options: ServerOptions
    ) throws(LoadError) {
        ensemble = try ManagedEnsemble(
            EnsembleOptions(
                kinds: [ServerKind](repeating: kind, count: servers), server: options, settings: settings))
        do throws(LoadError) {
            try ensemble.start()
            try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
            control = try ControlClient.first(of: ensemble.addresses)
        } catch {
            ensemble.stop()
            throw error
        }
    }

    var description: ServerDescription { ensemble.members[0].description ?? .unknown }

    func stop() { ensemble.stop() }

    /// Until every server shows what was acknowledged before, so that any of them may be asked.
    func level() throws(LoadError) {
        for address in ensemble.addresses {
            let client = try ControlClient(address)
            client.queueSync("/")
            try client.flush { (_, _) in }
        }
    }
}
