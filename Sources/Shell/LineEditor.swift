import CEdit

#if canImport(Glibc)
    import Glibc
#endif

/// Reads lines from a terminal, with editing, history and completion, by libedit. Belongs to the main thread.
///
/// libedit calls back with its own handle only: it carries the address of this object, which therefore outlives it.
final class LineEditor {
    enum Input: Equatable {
        case line(String)
        /// Ctrl-C: what was typed counts for nothing.
        case interrupted
        /// Ctrl-D on an empty line, or the terminal has gone.
        case end
    }

    private let editor: OpaquePointer
    private let history: OpaquePointer
    private let console: Console
    private let mainThread: MainThread
    private let complete: (String) -> Completion
    private var wasInterrupted = false
    /// The prompt handed out last: libedit borrows it.
    private var promptBytes: UnsafeMutablePointer<CChar>?

    /// Around what a prompt has for the terminal and not for the eye.
    private static let promptMark: Character = "\u{1}"

    init?(
        name: String, console: Console, mainThread: MainThread, history lines: [String],
        complete: @escaping (String) -> Completion
    ) {
        // libedit reads characters by the locale; in the C locale, which bare machines have, only ASCII.
        setlocale(LC_CTYPE, "")
        if strcmp(nl_langinfo(Int32(CODESET)), "UTF-8") != 0 { setlocale(LC_CTYPE, "C.UTF-8") }
        guard let editor = corral_edit_open(name), let history = history_init() else { return nil }
        self.editor = editor
        self.history = history
        self.console = console
        self.mainThread = mainThread
        self.complete = complete
        _ = corral_history_limit(history, Int32(HistoryFile.maximumLines))
        _ = corral_history_unique(history)
        for line in lines { _ = corral_history_enter(history, line) }
        _ = corral_edit_set_client(editor, Unmanaged.passUnretained(self).toOpaque())
        _ = corral_edit_set_editor(editor, "emacs")
        _ = corral_edit_set_history(editor, history)
        _ = corral_edit_set_prompt(editor, { LineEditor.of($0).prompt() }, 1)
        _ = corral_edit_set_reader(editor, { LineEditor.of($0).readCharacter($1) })
        _ = corral_edit_add_command(
            editor, "corral-complete", "Complete a command or path",
            { editor, _ in
                LineEditor.of(editor).completeWord()
            })
        _ = corral_edit_bind(editor, "^I", "corral-complete")
        _ = corral_edit_bind(editor, "^R", "em-inc-search-prev")
        for (key, command) in [
            ("\\e[3~", "ed-delete-next-char"), ("\\e[H", "ed-move-to-beg"), ("\\e[F", "ed-move-to-end"),
            ("\\e[1;5C", "em-next-word"), ("\\e[1;5D", "ed-prev-word"),
        ] {
            _ = corral_edit_bind(editor, key, command)
        }
        // The user's own bindings (~/.editrc) come last.
        el_source(editor, nil)
    }

    deinit {
        el_end(editor)
        history_end(history)
        free(promptBytes)
    }

    private static func of(_ editor: OpaquePointer?) -> LineEditor {
        Unmanaged<LineEditor>.fromOpaque(corral_edit_client(editor)).takeUnretainedValue()
    }

    /// Waits for the next line.
    func read() -> Input {
        wasInterrupted = false
        console.beginReading { [mainThread] in mainThread.tell(.announcement) }
        defer { console.endReading() }
        // Before the prompt, behind which el_gets would do it: a Ctrl-D in between would be the terminal's, and lost.
        _ = corral_edit_prepare(editor)
        var count: Int32 = 0
        guard let text = el_gets(editor, &count), count > 0 else {
            console.writeNow(wasInterrupted ? "^C\n" : "\n")
            if wasInterrupted { el_reset(editor) }
            return wasInterrupted ? .interrupted : .end
        }
        let bytes = UnsafeRawBufferPointer(start: text, count: Int(count))
        var line = String(decoding: bytes, as: UTF8.self)
        while line.last?.isNewline == true { line.removeLast() }
        return .line(line)
    }

    func remember(_ line: String) { _ = corral_history_enter(history, line) }

    // MARK: Called by libedit

    private func prompt() -> UnsafeMutablePointer<CChar>? {
        var text = ""
        var isEscape = false
        for character in console.prompt {
            if character == "\u{1b}" {
                isEscape = true
                text.append(Self.promptMark)
            }
            text.append(character)
            if isEscape && character == "m" {
                isEscape = false
                text.append(Self.promptMark)
            }
        }
        free(promptBytes)
        promptBytes = strdup(text)
        return promptBytes
    }

    /// The next character; 0 at the end, -1 when interrupted.
    private func readCharacter(_ character: UnsafeMutablePointer<wchar_t>?) -> Int32 {
        while true {
            let (signs, hasInput) = mainThread.wait(orFor: STDIN_FILENO)
            if signs.contains(.interrupt) {
                wasInterrupted = true
                errno = EINTR
                return -1
            }
            if signs.contains(.announcement) { showAnnouncements() }
            if hasInput { break }
        }
        var bytes: [UInt8] = []
        while bytes.count < 4 {
            var byte: UInt8 = 0
            let count = Glibc.read(STDIN_FILENO, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else { return 0 }
            bytes.append(byte)
            if let scalar = String(validating: bytes, as: UTF8.self)?.unicodeScalars.first {
                character?.pointee = wchar_t(scalar.value)
                return 1
            }
        }
        // No UTF-8: what came is passed over, visibly.
        character?.pointee = 0xfffd
        return 1
    }

    /// Prints above the line that is being typed.
    private func showAnnouncements() {
        let texts = console.takeAnnounced()
        if !texts.isEmpty { console.writeNow("\r\u{1b}[K" + texts.joined()) }
        _ = corral_edit_refresh(editor)
    }

    private func completeWord() -> UInt8 {
        guard let info = el_line(editor) else { return UInt8(CC_ERROR) }
        let count = info.pointee.cursor - info.pointee.buffer
        let typed = UnsafeRawBufferPointer(start: info.pointee.buffer, count: count)
        let completion = complete(String(decoding: typed, as: UTF8.self))
        if !completion.insertion.isEmpty {
            return el_insertstr(editor, completion.insertion) == 0 ? UInt8(CC_REFRESH) : UInt8(CC_ERROR)
        }
        guard !completion.candidates.isEmpty else { return UInt8(CC_REFRESH_BEEP) }
        console.writeNow("\n" + Columns.text(completion.candidates, width: Self.terminalWidth()))
        return UInt8(CC_REDISPLAY)
    }

    private static func terminalWidth() -> Int {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
