//! HTML and XHTML to lines. Tags are taken as they come and no tree is built, so nesting costs nothing.

use html5gum::emitters::naive_next_state;
use html5gum::{StartTag, Token, Tokenizer};

use super::lines::Lines;

/// Elements whose content nobody sees.
const UNSEEN: [&[u8]; 7] = [
    b"script",
    b"style",
    b"title",
    b"template",
    b"iframe",
    b"noembed",
    b"noframes",
];

/// Elements whose content is struck out: it is said no longer.
const STRUCK: [&[u8]; 3] = [b"del", b"s", b"strike"];

/// Elements without content.
const VOID: [&[u8]; 14] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param",
    b"source", b"track", b"wbr",
];

/// Elements that begin and end a line.
const BLOCKS: [&[u8]; 37] = [
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"caption",
    b"center",
    b"dd",
    b"details",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hr",
    b"legend",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"summary",
    b"text",
    b"ul",
];

/// What a piece of markup says.
pub(super) struct Said {
    /// Its text.
    pub(super) text: String,
    /// Whether it has fields to fill in, whose values are not text.
    pub(super) has_fields: bool,
}

/// An element that is not shown, and how many of its name are open within it.
struct Hidden {
    name: Vec<u8>,
    open: usize,
}

#[derive(Default)]
struct Page {
    lines: Lines,
    /// For each open table, whether its row already has a cell.
    rows: Vec<bool>,
    hidden: Option<Hidden>,
    preformatted: usize,
    raised: usize,
    has_fields: bool,
}

/// Reads markup.
pub(super) fn read(markup: &str) -> Said {
    let mut page = Page::default();
    let mut tokenizer = Tokenizer::new(markup);
    while let Some(Ok(token)) = tokenizer.next() {
        match token {
            Token::StartTag(tag) => {
                // XHTML may close a script within its own tag; then nothing follows that is not text.
                if !tag.self_closing
                    && UNSEEN.contains(&tag.name.as_slice())
                    && let Some(state) = naive_next_state(&tag.name)
                {
                    tokenizer.set_state(state);
                }
                page.start(&tag);
            }
            Token::EndTag(tag) => page.end(&tag.name),
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            Token::Comment(comment) => page.comment(&String::from_utf8_lossy(&comment)),
            Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    Said {
        text: page.lines.into_text(),
        has_fields: page.has_fields,
    }
}

impl Page {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = local(&tag.name);
        if let Some(hidden) = &mut self.hidden {
            if hidden.name == name && !tag.self_closing {
                hidden.open += 1;
            }
            return;
        }
        if hides(tag) && !tag.self_closing && !VOID.contains(&name) {
            self.lines.space();
            self.hidden = Some(Hidden {
                name: name.to_vec(),
                open: 1,
            });
            return;
        }
        match name {
            b"br" => self.lines.break_before_next(),
            b"table" => {
                self.lines.break_before_next();
                self.rows.push(false);
            }
            b"tr" => self.row(),
            b"td" | b"th" => match self.rows.last_mut() {
                Some(has_cell) if *has_cell => self.lines.next_cell(),
                Some(has_cell) => *has_cell = true,
                None => {
                    self.lines.break_before_next();
                    self.rows.push(true);
                }
            },
            b"pre" => {
                self.lines.break_before_next();
                self.preformatted += usize::from(!tag.self_closing);
            }
            b"sup" | b"sub" if !tag.self_closing => {
                self.raised += 1;
                self.lines.set_raised(true);
            }
            b"input" => {
                let kind = attribute(tag, b"type");
                self.has_fields |= !matches!(kind.as_str(), "hidden" | "submit" | "button");
            }
            b"select" | b"textarea" => self.has_fields = true,
            block if BLOCKS.contains(&block) => self.lines.break_before_next(),
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        let name = local(name);
        if let Some(hidden) = &mut self.hidden {
            if hidden.name == name {
                hidden.open -= 1;
                if hidden.open == 0 {
                    self.hidden = None;
                }
            }
            return;
        }
        match name {
            b"table" => {
                self.lines.end_line();
                self.rows.pop();
            }
            b"tr" => self.row(),
            b"pre" => {
                self.lines.break_before_next();
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            b"sup" | b"sub" => {
                self.raised = self.raised.saturating_sub(1);
                self.lines.set_raised(self.raised > 0);
            }
            block if BLOCKS.contains(&block) => self.lines.break_before_next(),
            _ => {}
        }
    }

    fn row(&mut self) {
        self.lines.end_line();
        if let Some(has_cell) = self.rows.last_mut() {
            *has_cell = false;
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        for character in text.chars() {
            match character {
                '\n' if self.preformatted > 0 => self.lines.break_before_next(),
                other if self.preformatted > 0 => self.lines.push(other),
                other => self.lines.flow(other),
            }
        }
    }

    /// A CDATA section of XHTML is a comment to HTML, which ends at the first `>`.
    fn comment(&mut self, comment: &str) {
        if let Some(text) = comment.strip_prefix("[CDATA[") {
            match text.strip_suffix("]]") {
                Some(whole) => self.text(whole),
                None => {
                    self.text(text);
                    self.text(">");
                }
            }
        }
    }
}

/// A name without its namespace prefix.
fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b':').next().unwrap_or(name)
}

/// The value of an attribute in small letters without spaces; empty when there is none.
fn attribute(tag: &StartTag<()>, name: &[u8]) -> String {
    let value = tag.attributes.get(name).map(|value| value.to_vec());
    String::from_utf8_lossy(&value.unwrap_or_default())
        .to_ascii_lowercase()
        .replace(char::is_whitespace, "")
}

fn hides(tag: &StartTag<()>) -> bool {
    let name = local(&tag.name);
    let style = attribute(tag, b"style");
    UNSEEN.contains(&name)
        || STRUCK.contains(&name)
        || tag.attributes.contains_key(&b"hidden"[..])
        || ["display:none", "visibility:hidden", "line-through"]
            .iter()
            .any(|hiding| style.contains(hiding))
}
