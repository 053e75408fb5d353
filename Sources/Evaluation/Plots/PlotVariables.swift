/// What plot scripts load.
enum PlotVariables {
    /// A text as gnuplot takes it, without what could end it.
    static func quoted(_ text: String) -> String {
        "\"" + text.filter { $0 != "\"" && $0 != "\\" && $0 != "\n" && $0 != "`" } + "\""
    }
}
