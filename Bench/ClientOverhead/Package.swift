// swift-tools-version: 6.2
import PackageDescription

/// What a client costs: the same reads by this project's Swift client, kazoo and Apache's Java client. See `run`.
let package = Package(
    name: "client-overhead",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "corral", path: "../..")],
    targets: [
        .executableTarget(
            name: "client-overhead", dependencies: [.product(name: "ZooKeeperClient", package: "corral")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
