//! Hostile text: pieces that mean something to somebody, put together at random from a seed.

/// Pieces that mean something somewhere: markup, documents, pages, templates, queries, formulas, hidden characters.
pub(crate) const BAITS: [&str; 56] = [
    "**",
    "__",
    "`",
    "~~",
    "# ",
    "- ",
    "1. ",
    "> ",
    "|",
    "|---|",
    "[x](https://example.com)",
    "![x](y)",
    "<https://example.com>",
    "https://example.com",
    "<script>",
    "</td>",
    "<!--",
    "&lt;",
    "&#x2a;",
    "{{ client }}",
    "{% for x in members %}",
    "{#",
    "%}",
    "{code}",
    "{noformat}",
    "{color:red}",
    "{panel}",
    "h1. ",
    "bq. ",
    "*b*",
    "_i_",
    "-s-",
    "+u+",
    "^s^",
    "??c??",
    "[~accountid:1]",
    "[^file]",
    "!x.png!",
    "||",
    "----",
    "(/)",
    "\\\\",
    "\" OR project = X",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{0}",
    "\u{1b}[31m",
    "\u{85}",
    "\u{2028}",
    "=HYPERLINK(\"x\")",
    "+1+1",
    "@SUM(A1)",
    "-2+3|cmd",
    "\t=1+1",
];

/// Draws hostile texts, the same ones from the same seed; `SEED` in the environment gives another one.
pub(crate) struct Baits {
    pub(crate) seed: u64,
    state: u64,
}

impl Baits {
    #[allow(
        clippy::print_stdout,
        reason = "a failure is seen again by its seed; the unit tests may print anyway"
    )]
    pub(crate) fn new() -> Self {
        let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_126);
        println!("SEED={seed}");
        Self { seed, state: seed }
    }

    fn draw(&mut self, below: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % below
    }

    /// The next text; it ends in a word, since nothing but hidden characters and blanks would be no text at all.
    pub(crate) fn next(&mut self) -> String {
        let mut hostile = String::new();
        for _ in 0..=self.draw(6) {
            hostile.push_str(BAITS[self.draw(BAITS.len())]);
            hostile.push_str(["", " ", "word", "x y", "\n", "é"][self.draw(6)]);
        }
        hostile + "end"
    }
}

/// The first character that nobody sees, or that would begin another line or another colour.
pub(crate) fn hidden(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}
