// swift-tools-version: 6.2
import PackageDescription

/// Corral: a coordination server that speaks Apache ZooKeeper's protocols, and the suite that measures it.
/// Modules import downward only; ARCHITECTURE.md names the rows.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "corral",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "ZooKeeperClient", targets: ["ZooKeeperClient"]),
        .library(name: "ZooKeeperRecipes", targets: ["ZooKeeperRecipes"]),
        .library(name: "CorralTesting", targets: ["CorralTesting"]),
        .executable(name: "corral", targets: ["corral"]),
        .executable(name: "corral-bench", targets: ["corral-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Row 0: thin C shims and the wire primitives.
        .target(name: "CPlatform"),
        .systemLibrary(name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
        .target(name: "Jute", swiftSettings: strict),
        .target(name: "JSONText", swiftSettings: strict),

        // Row 1: the protocol's records, and the queues between threads.
        .target(name: "ZooKeeperProtocol", dependencies: ["Jute"], swiftSettings: strict),
        .target(name: "RequestQueue", dependencies: ["CPlatform"], swiftSettings: strict),

        // Row 2: state in memory, state on disk.
        .target(
            name: "DataTree", dependencies: ["Jute", "RequestQueue", "ZooKeeperProtocol", "CDeflate"], swiftSettings: strict),
        .target(
            name: "TxnLog", dependencies: ["CPlatform", "CDeflate", "Jute", "ZooKeeperProtocol"], swiftSettings: strict),

        .target(name: "Zab", dependencies: ["Jute", "ZooKeeperProtocol"], swiftSettings: strict),

        // Row 3: the core machine.
        .target(
            name: "ServerCore",
            dependencies: [
                "Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "Zab",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),

        // Row 3 as well: what log and snapshot files hold, for people and scripts.
        .target(
            name: "DataFiles", dependencies: ["Jute", "JSONText", "ZooKeeperProtocol", "TxnLog"], swiftSettings: strict),

        // Row 4: sockets, and the world of the simulator.
        .target(name: "Transport", dependencies: ["CPlatform", "Jute", "RequestQueue"], swiftSettings: strict),
        .target(
            name: "Simulation",
            dependencies: ["Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "Zab", "ServerCore"],
            swiftSettings: strict),

        // Row 4 as well, and of the server's rooms it knows the wire formats alone: the client library.
        .target(
            name: "ZooKeeperClient",
            dependencies: [
                "Jute", "ZooKeeperProtocol", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"), .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            // Its asynchronous calls run where their caller runs: a request costs no change of executor.
            swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),

        // Row 5: what is built with the client library, through its public interface alone.
        .target(
            name: "ZooKeeperRecipes", dependencies: ["ZooKeeperClient"],
            swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),

        // Row 5: the server around the core, and the load engine.
        .target(
            name: "Server",
            dependencies: [
                "CPlatform", "CJemalloc", "Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "Zab",
                "ServerCore", "Transport", "JSONText", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Load",
            dependencies: [
                "CPlatform", "CDeflate", "Jute", "ZooKeeperProtocol", "ZooKeeperClient",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        .target(
            name: "Shell",
            dependencies: [
                "CEdit", "Jute", "JSONText", "ZooKeeperProtocol", "DataTree", "ZooKeeperClient",
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),

        // Row 6 as well: servers within other people's test processes.
        .target(
            name: "CorralTesting",
            dependencies: ["Server", "RequestQueue", "TxnLog", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),

        // An example of the client library; no product.
        .executableTarget(
            name: "example-registry",
            dependencies: [
                "ZooKeeperClient", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        // Row 6: the paper's experiments, and what is said of them.
        .target(
            name: "Evaluation",
            dependencies: [
                "Load", "Simulation", "Yams", "ZooKeeperClient", "ZooKeeperRecipes",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        // Row 7: argument parsing only.
        .executableTarget(
            name: "corral",
            dependencies: [
                "Server", "Shell", "DataFiles", "TxnLog", "ZooKeeperClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // What operations of the server cost in instructions and allocations; counts those of its own program.
        .target(name: "CAllocationCount"),
        .executableTarget(
            name: "corral-micro",
            dependencies: [
                "CAllocationCount", "Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "ServerCore",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "corral-bench",
            dependencies: [
                "CPlatform", "Load", "Evaluation", "Simulation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .testTarget(
            name: "ServerCoreTests",
            dependencies: ["Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "ServerCore"],
            swiftSettings: strict),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation", "Load"], swiftSettings: strict),
        .testTarget(
            name: "ZabTests", dependencies: ["Zab", "Jute", "ZooKeeperProtocol"], swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Simulation", "Jute", "ZooKeeperProtocol", "DataTree", "TxnLog", "Zab", "ServerCore"],
            swiftSettings: strict),
        .testTarget(
            name: "CatalogueTests",
            dependencies: ["Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "Zab", "ServerCore"],
            exclude: ["README.md"], swiftSettings: strict),
        .testTarget(
            name: "TxnLogTests", dependencies: ["TxnLog", "Jute", "ZooKeeperProtocol", "CPlatform", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "JuteTests", dependencies: ["Jute"], swiftSettings: strict),
        .testTarget(name: "RequestQueueTests", dependencies: ["CPlatform", "RequestQueue"], swiftSettings: strict),
        .testTarget(
            name: "TransportTests", dependencies: ["CPlatform", "Jute", "RequestQueue", "Transport"],
            swiftSettings: strict),
        .testTarget(
            name: "ServerConfigurationTests",
            dependencies: [
                "Server", "ServerCore", "Zab", "ZooKeeperProtocol", "Load",
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "PeerTests",
            dependencies: [
                "Server", "ServerCore", "Transport", "RequestQueue", "TxnLog", "Zab", "CPlatform", "Jute",
                "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DataTreeTests", dependencies: ["DataTree", "Jute", "ZooKeeperProtocol"], swiftSettings: strict),
        // The part of etcd's load generator (a package of its own) that needs no gRPC, for its tests.
        .target(name: "EtcdMessages", path: "Bench/etcd/Sources/EtcdMessages", swiftSettings: strict),
        .testTarget(name: "EtcdMessagesTests", dependencies: ["EtcdMessages"], swiftSettings: strict),
        .testTarget(
            name: "LoadTests",
            dependencies: [
                "Load", "corral-bench", "CPlatform", "Jute", "ZooKeeperProtocol",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict),

        // Tests that drive real servers and stock clients; everything but TestSupport reaches servers over sockets.
        .target(
            name: "TestSupport", dependencies: ["Jute", "ZooKeeperProtocol"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(
            name: "DifferentialTests", dependencies: ["TestSupport", "Jute", "ZooKeeperProtocol"],
            exclude: ["explained.txt"], swiftSettings: strict),
        .testTarget(
            name: "ConformanceTests", dependencies: ["TestSupport", "Jute", "ZooKeeperProtocol"],
            swiftSettings: strict),
        .testTarget(
            name: "DurabilityTests", dependencies: ["TestSupport", "Jute", "ZooKeeperProtocol"],
            swiftSettings: strict),
        .testTarget(
            name: "HostileTests", dependencies: ["TestSupport", "ZooKeeperProtocol"], swiftSettings: strict),
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "TestSupport", "Jute", "ZooKeeperProtocol", "RequestQueue", "DataTree", "TxnLog", "ServerCore",
            ],
            exclude: ["corpus"], swiftSettings: strict),
        .testTarget(
            name: "EnsembleTests", dependencies: ["TestSupport", "Jute", "ZooKeeperProtocol"],
            swiftSettings: strict),
        .testTarget(
            name: "ZooKeeperClientTests",
            dependencies: [
                "ZooKeeperClient", "CorralTesting", "TestSupport", "Jute", "ZooKeeperProtocol",
                .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ZooKeeperRecipesTests",
            dependencies: [
                "ZooKeeperRecipes", "ZooKeeperClient", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "DataFilesTests",
            dependencies: ["DataFiles", "JSONText", "TxnLog", "Jute", "ZooKeeperProtocol", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ShellTests", dependencies: ["Shell", "JSONText", "TestSupport", "ZooKeeperProtocol"],
            swiftSettings: strict),
        .testTarget(
            name: "CorralTestingTests",
            dependencies: [
                "CorralTesting", "ZooKeeperClient", "ZooKeeperRecipes", "TestSupport", "TxnLog", "RequestQueue",
                "example-registry",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: strict),
    ]
)
