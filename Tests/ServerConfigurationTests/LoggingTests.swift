import Logging
import Synchronization
import Testing

@testable import Server

@Suite struct LoggingTests {
    /// Collects lines; shared between handler and test, guarded by its lock.
    private final class Lines: Sendable {
        let content = Mutex<[String]>([])
        var all: [String] { content.withLock { $0 } }
    }

    private func logger(
        _ lines: Lines, format: LogFormat = .text, level: Logger.Level = .info, secrets: [String] = []
    ) -> Logger {
        Logger(label: "corral.log") { label in
            ServerLogHandler(label: label, level: level, format: format, redactor: SecretRedactor(secrets: secrets)) {
                line in lines.content.withLock { $0.append(line) }
            }
        }
    }

    private let stamp = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\x20/

    private func withoutTime(_ line: String) -> String {
        line.trimmingPrefix(stamp).description
    }

    @Test func textLine() throws {
        let lines = Lines()
        logger(lines).info("segment closed", metadata: ["zxid": "0x5", "file": "log.1"])
        let line = try #require(lines.all.first)
        #expect(line.prefixMatch(of: stamp) != nil)
        #expect(withoutTime(line) == "INFO corral.log segment closed file=log.1 zxid=0x5")
    }

    @Test func timestamps() {
        #expect(LogTimestamp.text(wallMillis: 1_795_233_600_123) == "2026-11-21T04:00:00.123Z")
        #expect(LogTimestamp.text(wallMillis: 5) == "1970-01-01T00:00:00.005Z")
    }

    @Test func levels() {
        let lines = Lines()
        var log = logger(lines, level: .warning)
        log.info("no")
        log.warning("yes")
        log.logLevel = .trace
        log.trace("too")
        #expect(lines.all.map(withoutTime) == ["WARNING corral.log yes", "TRACE corral.log too"])
        #expect(ServerLogging.level(option: nil, environment: nil) == .info)
        #expect(ServerLogging.level(option: nil, environment: "DEBUG") == .debug)
        #expect(ServerLogging.level(option: "warn", environment: "debug") == .warning)
        #expect(ServerLogging.level(option: "loud", environment: nil) == nil)
    }

    @Test func metadataOfLoggerAndEventMeet() {
        let lines = Lines()
        var log = logger(lines)
        log[metadataKey: "session"] = "0x1"
        log.notice("x", metadata: ["session": "0x2", "a": "b c", "q": "say \"hi\"", "empty": ""])
        #expect(
            lines.all.map(withoutTime) == [
                "NOTICE corral.log x a=\"b c\" empty=\"\" q=\"say \\\"hi\\\"\" session=0x2"
            ])
    }

    @Test func oneEventIsOneLine() {
        let lines = Lines()
        logger(lines).error("first\nsecond", metadata: ["path": "/a\nINFO forged"])
        #expect(lines.all.map(withoutTime) == ["ERROR corral.log first\\nsecond path=\"/a\\nINFO forged\""])
    }

    @Test func jsonLine() throws {
        let lines = Lines()
        logger(lines, format: .json).info("a \"quoted\" word\u{1}", metadata: ["key": "v\\w"])
        let line = try #require(lines.all.first)
        #expect(line.hasPrefix("{\"timestamp\":\"2"))
        #expect(
            line.hasSuffix(
                "\"level\":\"info\",\"label\":\"corral.log\",\"message\":\"a \\\"quoted\\\" word\\u0001\","
                    + "\"fields\":{\"key\":\"v\\\\w\"}}"))
    }

    @Test(arguments: LogFormat.allCases)
    func secretsAreRedacted(_ format: LogFormat) throws {
        let lines = Lines()
        let log = logger(lines, format: format, secrets: ["super:D/InIHSb7yEE="])
        log.info(
            "configured super:D/InIHSb7yEE= now",
            metadata: ["superDigest": "anything", "note": "is super:D/InIHSb7yEE=", "userPassword": "p"])
        let line = try #require(lines.all.first)
        #expect(!line.contains("D/InIHSb7yEE") && !line.contains("anything"))
        #expect(line.contains("configured <redacted> now"))
        #expect(line.ranges(of: "<redacted>").count == 4)
    }
}
