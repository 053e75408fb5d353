import Foundation
import Load

/// Draws what experiments have, each as SVG and as PNG, and keeps the SVG for the report.
public struct PlotDrawer {
    private let gnuplot: Gnuplot
    /// Where drawings go.
    private let directory: String

    public init(gnuplot: Gnuplot, directory: String) {
        self.gnuplot = gnuplot
        self.directory = directory
    }

    /// A drawing as a report takes it.
    public struct Drawing: Equatable, Sendable {
        public var caption: String
        public var svg: String
        /// Of the SVG.
        public var path: String
    }

    /// - Parameters:
    ///   - results: the directory with the plot's data.
    ///   - stem: what the drawing's name begins with.
    public func draw(_ plot: ExperimentPlot, results: String, stem: String) throws(LoadError) -> Drawing {
        try ResultFiles.makeDirectory(directory)
        let base = "\(directory)/\(stem)-\(plot.name)"
        for format in Gnuplot.Format.allCases {
            let path = "\(base).\(format.rawValue)"
            try gnuplot.draw(plot.script, results: results, to: path, format: format)
        }
        guard let data = FileManager.default.contents(atPath: "\(base).svg"), !data.isEmpty else {
            throw .result("\(base).svg was not drawn")
        }
        return Drawing(caption: plot.caption, svg: String(decoding: data, as: UTF8.self), path: "\(base).svg")
    }
}
