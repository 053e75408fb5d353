import Load
import Testing

@testable import Server

/// What experiments may set, against the server's own table.
@Suite struct ExperimentSettingTests {
    private func accepts(_ key: String, _ value: String) throws -> Bool {
        let spec = try #require(ConfigurationKeys.find(key), "\(key) is no key of the server's")
        var configuration = ServerConfiguration()
        switch spec.assign(&configuration, key, value) {
        case .taken, .adjusted: return true
        case .refused, .unserved: return false
        }
    }

    @Test func theServerKnowsThemAllAndTakesTheirValues() throws {
        for setting in ServerSetting.all {
            let spec = try #require(ConfigurationKeys.find(setting.key), "\(setting.key)")
            #expect(spec.isUsed, "\(setting.key) has no effect")
            switch setting.value {
            case .integer(let range):
                for number in [range.lowerBound, range.upperBound] {
                    #expect(try accepts(setting.key, "\(number)"), "\(setting.key) = \(number)")
                    #expect(ServerSetting.problem(key: setting.key, value: "\(number)") == nil)
                }
                for text in ["lots", "\(range.upperBound + 1)"] {
                    #expect(try !accepts(setting.key, text), "\(setting.key) = \(text)")
                    #expect(ServerSetting.problem(key: setting.key, value: text)?.contains(setting.key) == true)
                }
            case .yesOrNo:
                #expect(try accepts(setting.key, "yes") && accepts(setting.key, "no"))
                #expect(try !accepts(setting.key, "perhaps"))
                #expect(ServerSetting.problem(key: setting.key, value: "perhaps") != nil)
            }
        }
    }
}
