/// A report's looks: readable on paper, on a telephone and at night, without anything from elsewhere.
enum ReportStyle {
    static let css: HTML = """
        :root { --ground: #ffffff; --text: #1c2126; --soft: #5a6570; --line: #d8dde2; --band: #f4f6f8; --link: #0b4f9c;
          --good: #1d7a3e; --bad: #b0182b; --open: #7a5c00; --card: #ffffff; color-scheme: light dark; }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #14181c; --text: #e4e8ec; --soft: #9aa6b2; --line: #343c44; --band: #1d2329;
            --link: #7fb4f5; --good: #5fc985; --bad: #ff7d8b; --open: #e0b84a; --card: #1a1f24; }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1.25rem 4rem; background: var(--ground);
          color: var(--text); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
        h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
        h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: .6rem; border-top: 2px solid var(--line); }
        h3 { font-size: 1.05rem; margin: 1.4rem 0 .4rem; }
        a { color: var(--link); }
        code { font: .88em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
        pre { background: var(--band); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem;
          white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }
        .note, .lead { color: var(--soft); } .note { font-size: .9rem; } .lead { margin-top: 0; }
        nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0; }
        figure { margin: 1.2rem 0; background: #ffffff; border: 1px solid var(--line); border-radius: 8px;
          overflow: hidden; }
        figure svg { display: block; width: 100%; height: auto; color: #000000; }
        figcaption { background: var(--band); color: var(--text); font-size: .9rem; padding: .5rem .8rem;
          border-top: 1px solid var(--line); }
        .table { overflow-x: auto; margin: 1rem 0; }
        table { border-collapse: collapse; font-size: .9rem; min-width: 100%; }
        caption { text-align: left; font-weight: 600; padding: .3rem 0; }
        th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
        thead th { border-bottom: 2px solid var(--line); font-weight: 600; vertical-align: bottom; }
        tbody th { font-weight: 500; white-space: nowrap; }
        .number { text-align: right; font-variant-numeric: tabular-nums; }
        .paper, .interval, .simulated { display: block; font-size: .82rem; color: var(--soft); white-space: nowrap; }
        .paper::before { content: "paper "; } .simulated::before { content: "sim "; }
        .missing { color: var(--open); font-style: italic; }
        .bad { color: var(--bad); } .good { color: var(--good); } .open { color: var(--open); }
        .banner { border: 2px solid currentColor; border-radius: 6px; padding: .5rem .8rem; font-weight: 600; }
        .banner ul { font-weight: 400; margin: .3rem 0 0; padding-left: 1.2rem; }
        .shape { border: 1px solid var(--line); border-left-width: 5px; border-radius: 6px; background: var(--card);
          padding: .5rem .9rem; margin: .6rem 0; }
        .shape.is-good { border-left-color: var(--good); } .shape.is-bad { border-left-color: var(--bad); }
        .shape.is-open { border-left-color: var(--open); }
        .shape p { margin: .2rem 0; font-size: .93rem; } .shape h3 { margin: 0; }
        .outcome { font-weight: 700; white-space: nowrap; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; font-size: .93rem; }
        dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
        details { margin: .6rem 0; } summary { cursor: pointer; color: var(--link); }
        @media (max-width: 40rem) {
          body { padding: 1rem .8rem 3rem; } h1 { font-size: 1.35rem; } dl { grid-template-columns: 1fr; }
          dd { margin-bottom: .4rem; } tbody th { white-space: normal; }
        }
        @media print {
          body { max-width: none; font-size: 11pt; padding: 0; } nav { display: none; }
          figure, .shape, tr { break-inside: avoid; } h2 { break-after: avoid; }
        }

        """
}
