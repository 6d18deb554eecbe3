//! What people read: the decision table of an edition, the table of supersession, one case with its reasons, one case by two
//! editions, which codes occur, what unmapped ones may mean, the worklist, and the history of a case.
//!
//! Sentences come from the rules and reasons themselves; here they are only laid out. What was sent by a server may
//! stand among them, so everything is made printable, and escaped where it becomes Markdown.

mod codes;
mod explained;
mod history;
mod side_by_side;
mod suggestions;
mod supersession;
mod table;
mod worklist;

pub use codes::{CodeList, CodesFormat};
pub use explained::{explained, one_line};
pub use history::history;
pub use side_by_side::side_by_side;
pub use suggestions::suggestions;
pub use supersession::supersession;
pub use table::{table, tables};
pub use worklist::{shown, worklist};

/// How something is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For a document.
    Markdown,
    /// For a spreadsheet: RFC 4180, with `\n` between records. Only tables have this form.
    Csv,
}

/// Columns of a page of text.
const PAGE_WIDTH: usize = 100;

/// Stands in a cell that has nothing to say.
const NOTHING: &str = "–";

/// Breaks a text at spaces so that no line is longer than `width`, unless a single word is. The first line begins with
/// `first`, every further one with `rest`.
fn wrapped(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let longer = line.chars().count() + 1 + word.chars().count();
        if !is_empty && longer > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// The text on one line, without characters that a terminal obeys or that reorder what is shown.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            space if space.is_whitespace() => ' ',
            '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' => '\u{FFFD}',
            control if control.is_control() => '\u{FFFD}',
            other => other,
        })
        .collect()
}

/// The text on one line of Markdown, in or outside of a table: every character that would begin markup is escaped.
/// Markup that only counts at the beginning of a line is not, since no line begins with such a text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        if matches!(
            character,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '|' | '~' | '$'
        ) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        let lines = wrapped(
            "one two three a-word-that-is-longer-than-the-line four",
            12,
            "- ",
            "  ",
        );
        assert_eq!(
            lines,
            [
                "- one two",
                "  three",
                "  a-word-that-is-longer-than-the-line",
                "  four"
            ]
        );
        assert_eq!(wrapped("", 12, "- ", "  "), ["- "]);
    }

    #[test]
    fn characters_that_steer_a_terminal_are_shown_as_unknown() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{202e}c"),
            "a\u{FFFD}[31m b\u{FFFD}c"
        );
    }

    #[test]
    fn nothing_from_outside_begins_markup() {
        assert_eq!(
            escaped("[x](y) <b> *a* _b_ `c` a|b &amp; ~~d~~ $e$ \\"),
            "\\[x\\](y) \\<b> \\*a\\* \\_b\\_ \\`c\\` a\\|b \\&amp; \\~\\~d\\~\\~ \\$e\\$ \\\\"
        );
    }
}
