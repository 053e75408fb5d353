import Foundation
import Load
import Testing

@testable import Evaluation

@Suite("Drawings")
struct PlotTests {
    @Test(
        "drawn twice, into a place with an apostrophe, every drawing has the same bytes",
        .enabled(if: Gnuplot.isThere))
    func sameBytes() throws {
        let files: [String: any Encodable] = [
            "figure-5": try Synthetic.saturation(),
            "figure-6": try Synthetic.saturation(name: "figure-6", leaderOnly: true),
            "figure-7": try Synthetic.broadcast(), "table-2": try Synthetic.creates(),
            "table-3": try Synthetic.barriers(), "zab-figure-6": try Synthetic.logs(isLatency: false),
            "zab-figure-7": try Synthetic.logs(isLatency: true),
        ]
        try Synthetic.withResults(files) { place in
            func draw() throws -> [String: Data] {
                let writer = ReportWriter(
                    output: "\(place)/results", plots: "\(place)/it's plots", root: Synthetic.root,
                    paper: try PaperPoints.load(Synthetic.paperPath))
                _ = try writer.write(label: "made-up", progress: ProgressReporter(quiet: true))
                var drawings: [String: Data] = [:]
                for name in try FileManager.default.contentsOfDirectory(atPath: "\(place)/it's plots") {
                    drawings[name] = FileManager.default.contents(atPath: "\(place)/it's plots/\(name)")
                    try FileManager.default.removeItem(atPath: "\(place)/it's plots/\(name)")
                }
                return drawings
            }
            let first = try draw()
            #expect(first.count == 2 * (3 + 3 + 1 + 2 + 1 + 1 + 1 + 1), "\(first.keys.sorted())")
            #expect(first.values.allSatisfy { $0.count > 5000 })
            #expect(try draw() == first)
        }
    }

    @Test("a drawing in a page has identifiers of its own and no size of its own")
    func inline() throws {
        let svg = """
            <?xml version="1.0"?>
            <!DOCTYPE svg>
            <svg width="920" height="650" viewBox="0 0 920 650"><title>Gnuplot</title><desc>Produced by</desc>
            <defs><circle id='mark'/><g id="canvas"/></defs><use xlink:href='#mark'/></svg>
            """
        let text = try #require(InlineDrawing.markup(svg, number: 3, label: "a \"figure\""))
        #expect(text.hasPrefix("<svg viewBox=\"0 0 920 650\" role=\"img\" aria-label=\"a &quot;figure&quot;\">"))
        #expect(text.contains("id='d3-mark'") && text.contains("id=\"d3-canvas\"") && text.contains("href='#d3-mark'"))
        #expect(!text.contains("Gnuplot") && !text.contains("DOCTYPE") && !text.contains("Produced"))
        #expect(InlineDrawing.markup("no drawing", number: 1, label: "") == nil)
    }

    @Test("the paper's broadcast is known with its bars, in Zab's configurations too")
    func paperBroadcast() throws {
        let paper = try PaperPoints.load(Synthetic.paperPath)
        let points = paper.broadcast(["fig7_digitised"])
        #expect(points.map(\.servers) == [3, 5, 7, 9, 13])
        #expect(points[0] == PaperBroadcast(servers: 3, mean: 61_800, minimum: 51_920, maximum: 70_000))
        let zab = paper.broadcast(["zab_dsn2011_fig6_digitised:net_only"])
        #expect(zab.first == PaperBroadcast(servers: 3, mean: 38_040, minimum: 35_460, maximum: 40_180))
        let times = paper.broadcast(["zab_dsn2011_fig7:net_disk_write_cache_off"])
        #expect(times.map(\.servers) == [3, 5, 7, 9, 11, 13] && times.first?.mean == 44.54)
    }
}
