//! Lines of text as they are put together from markup or RTF.

/// What stands between the last character and the next one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Between {
    #[default]
    Nothing,
    Space,
    Break,
}

/// Text that grows by characters, line ends and table cells.
#[derive(Default)]
pub(super) struct Lines {
    text: String,
    between: Between,
    raised: bool,
    last_raised: bool,
}

impl Lines {
    /// Adds a character as it stands.
    pub(super) fn push(&mut self, character: char) {
        match self.between {
            Between::Break if !self.text.is_empty() && !self.text.ends_with(['\n', '\t']) => {
                self.text.push('\n');
            }
            Between::Space if !self.text.is_empty() && !self.text.ends_with(['\n', '\t', ' ']) => {
                self.text.push(' ');
            }
            _ => {}
        }
        self.between = Between::Nothing;
        // A footnote mark must not become a digit of the number before it: 1.8 with a raised 1 is not 1.81.
        if self.raised != self.last_raised
            && character.is_ascii_digit()
            && self.text.ends_with(|last: char| last.is_ascii_digit())
        {
            self.text.push(if self.raised { '^' } else { ' ' });
        }
        self.last_raised = self.raised;
        self.text.push(character);
    }

    /// Adds a character of running text, in which any amount of white space is one space.
    pub(super) fn flow(&mut self, character: char) {
        if character.is_whitespace() {
            self.space();
        } else {
            self.push(character);
        }
    }

    /// Sees to it that the next character does not touch the last one.
    pub(super) fn space(&mut self) {
        if self.between == Between::Nothing {
            self.between = Between::Space;
        }
    }

    /// Ends the line before the next character, unless a cell has only just begun or ends first.
    pub(super) fn break_before_next(&mut self) {
        self.between = Between::Break;
    }

    /// Ends the line here, if anything stands in it.
    pub(super) fn end_line(&mut self) {
        self.between = Between::Nothing;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Goes on to the next cell of a table row.
    pub(super) fn next_cell(&mut self) {
        self.between = Between::Nothing;
        self.text.push('\t');
    }

    /// Says whether what follows is superscript or subscript.
    pub(super) fn set_raised(&mut self, raised: bool) {
        self.raised = raised;
    }

    /// The text.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// One form for what all readers give: lines end with `\n` and no white space, every space is a plain one,
/// and what has no width is gone.
pub(super) fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                tidied.truncate(tidied.trim_end_matches([' ', '\t']).len());
                tidied.push('\n');
            }
            '\t' => tidied.push('\t'),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            // Typesetting draws some pairs of letters as one, which no word of a vocabulary has.
            'ﬀ' => tidied.push_str("ff"),
            'ﬁ' => tidied.push_str("fi"),
            'ﬂ' => tidied.push_str("fl"),
            'ﬃ' => tidied.push_str("ffi"),
            'ﬄ' => tidied.push_str("ffl"),
            other if other.is_whitespace() => tidied.push(' '),
            other => tidied.push(other),
        }
    }
    tidied.truncate(tidied.trim_end().len());
    let start = tidied.len() - tidied.trim_start_matches('\n').len();
    tidied.drain(..start);
    tidied
}
