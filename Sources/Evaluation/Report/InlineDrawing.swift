import Foundation

/// A drawing of gnuplot within a page.
enum InlineDrawing {
    /// The SVG element alone, as wide as the page lets it be, its identifiers made this drawing's own: several of them
    /// share one document, and gnuplot gives all the same.
    ///
    /// - Parameter number: of the drawing in its page.
    /// - Returns: nil for what is no SVG.
    static func markup(_ svg: String, number: Int, label: String) -> String? {
        guard let start = svg.range(of: "<svg"), let end = svg.range(of: "</svg>", options: .backwards) else {
            return nil
        }
        var text = String(svg[start.lowerBound..<end.upperBound])
        for opening in [" id=\"", " id='", "href='#", "href=\"#", "url(#"] {
            text = text.replacing(opening, with: "\(opening)d\(number)-")
        }
        guard let tagEnd = text.firstIndex(of: ">") else { return nil }
        var tag = String(text[..<tagEnd])
        for name in ["width", "height"] { tag = tag.withoutAttribute(name) }
        tag += " role=\"img\" aria-label=\"\(HTML.escaped(label))\""
        return tag + text[tagEnd...].withoutElement("title").withoutElement("desc")
    }
}

extension StringProtocol {
    /// One element without its like inside.
    fileprivate func withoutElement(_ name: String) -> String {
        guard let start = self.firstRange(of: "<\(name)>"), let end = self.firstRange(of: "</\(name)>"),
            start.lowerBound < end.lowerBound
        else { return String(self) }
        return String(self[..<start.lowerBound]) + String(self[end.upperBound...])
    }

    fileprivate func withoutAttribute(_ name: String) -> String {
        guard let start = self.firstRange(of: " \(name)=\"") else { return String(self) }
        guard let end = self[start.upperBound...].firstIndex(of: "\"") else { return String(self) }
        return String(self[..<start.lowerBound]) + String(self[self.index(after: end)...])
    }
}
