//! A text as words, numbers and signs, each with its place in the text.

/// One word, number or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raw {
    /// In lower case, without accents.
    pub(super) text: String,
    /// What it is made of.
    pub(super) kind: Kind,
    /// First byte in the text.
    pub(super) start: usize,
    /// First byte after it.
    pub(super) end: usize,
    /// It begins with a capital letter.
    pub(super) is_capital: bool,
}

/// What a raw token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters and digits, a letter among them; or digits that are no number, such as a date.
    Word,
    /// A number with at most one decimal point or comma.
    Number,
    /// One sign.
    Sign,
    /// A gap as wide as a column has, a leader of dots, or a sign that separates columns.
    Tab,
    /// The end of a line.
    Newline,
    /// An empty line.
    Blank,
    /// The end of a sentence.
    Stop,
}

impl Raw {
    /// Whether a phrase goes on over it.
    pub(super) fn is_skipped_in_phrases(&self) -> bool {
        self.text == "-" || self.kind == Kind::Newline
    }
}

/// Gaps of so many spaces separate columns.
const COLUMN_GAP: usize = 3;

/// Cuts a text.
pub(super) fn raw_tokens(text: &str) -> Vec<Raw> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let mut tokens: Vec<Raw> = Vec::new();
    let mut at = 0;
    while let Some((start, first)) = characters.get(at).copied() {
        let (kind, length) = match first {
            '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => line_ends(&characters, at),
            '\t' => (Some(Kind::Tab), 1),
            _ if first.is_whitespace() => {
                let length = run(&characters, at, |c| {
                    c.is_whitespace() && !matches!(c, '\n' | '\r' | '\t')
                });
                ((length >= COLUMN_GAP).then_some(Kind::Tab), length)
            }
            // A soft hyphen and marks of zero width are not seen by a reader.
            '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{feff}' => (None, 1),
            '.' | '…' => match run(&characters, at, |c| matches!(c, '.' | '…')) {
                1 if first == '.' => (Some(Kind::Stop), 1),
                length => (Some(Kind::Tab), length),
            },
            '_' => (Some(Kind::Sign), run(&characters, at, |c| c == '_')),
            '|' | '^' | '•' | '·' | '●' | '▪' | '➢' | '*' => (Some(Kind::Tab), 1),
            '"' | '“' | '”' | '„' | '\'' | '’' | '‘' | '«' | '»' | '`' => (None, 1),
            _ if first.is_alphanumeric() => {
                let (kind, length) = word_or_number(&characters, at);
                (Some(kind), length)
            }
            _ => (Some(Kind::Sign), 1),
        };
        let end = (characters.get(at + length)).map_or(text.len(), |(end, _)| *end);
        if let Some(kind) = kind {
            tokens.push(Raw {
                text: match kind {
                    Kind::Word | Kind::Number => folded(text.get(start..end).unwrap_or("")),
                    Kind::Sign => sign(first).to_owned(),
                    _ => String::new(),
                },
                kind,
                start,
                end,
                is_capital: first.is_uppercase(),
            });
        }
        at += length;
    }
    tokens
}

fn run(characters: &[(usize, char)], from: usize, is_in: impl Fn(char) -> bool) -> usize {
    (characters.iter().skip(from))
        .take_while(|(_, character)| is_in(*character))
        .count()
}

/// One line end, or an empty line, with the blanks around it.
fn line_ends(characters: &[(usize, char)], from: usize) -> (Option<Kind>, usize) {
    let length = run(characters, from, char::is_whitespace);
    let gap = || characters.iter().skip(from).take(length).map(|(_, c)| *c);
    let ends = gap().filter(|c| !matches!(c, ' ' | '\t' | '\r')).count();
    let returns = gap().filter(|c| *c == '\r').count();
    let kind = if ends.max(returns) > 1 {
        Kind::Blank
    } else {
        Kind::Newline
    };
    (Some(kind), length)
}

/// A word such as `ki67`, a number such as `4,5`, or digits that are none of both, such as `12.03.2024`.
fn word_or_number(characters: &[(usize, char)], from: usize) -> (Kind, usize) {
    let get = |at: usize| characters.get(at).map(|(_, character)| *character);
    let is_digit = |at: usize| get(at).is_some_and(|c| c.is_ascii_digit());
    if !is_digit(from) {
        return (
            Kind::Word,
            run(characters, from, |c| c.is_alphanumeric() || is_mark(c)),
        );
    }
    let mut length = run(characters, from, |c| c.is_ascii_digit());
    let mut points = 0;
    while matches!(get(from + length), Some('.' | ',')) && is_digit(from + length + 1) {
        let decimals = run(characters, from + length + 1, |c| c.is_ascii_digit());
        // `0,1+` are two scores.
        if get(from + length) == Some(',') && get(from + length + 1 + decimals) == Some('+') {
            break;
        }
        points += 1;
        length += 1 + decimals;
    }
    let is_date = |sign: char| {
        let second = from + length + 1;
        let digits = run(characters, second, |c| c.is_ascii_digit());
        (get(from + length) == Some(sign) && digits > 0)
            && get(second + digits) == Some(sign)
            && is_digit(second + digits + 1)
    };
    if is_date('/') || is_date('-') {
        let rest = run(characters, from, |c| {
            c.is_ascii_digit() || matches!(c, '/' | '-')
        });
        return (Kind::Word, rest);
    }
    let letters = run(characters, from + length, char::is_alphanumeric);
    // `2x` or `17q12` is no number; a unit that is glued to one makes a word of both.
    if letters > 0 || points > 1 {
        return (Kind::Word, length + letters);
    }
    (Kind::Number, length)
}

/// A combining accent, a soft hyphen and their like belong to the word they stand in.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}')
}

fn sign(character: char) -> &'static str {
    match character {
        '-' | '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        '+' | '＋' => "+",
        ':' | '：' => ":",
        '=' => "=",
        '(' | '[' => "(",
        ')' | ']' => ")",
        '/' | '\\' | '⁄' => "/",
        ',' => ",",
        ';' => ";",
        '?' => "?",
        '!' => "!",
        '<' => "<",
        '>' => ">",
        '≤' | '⩽' => "≤",
        '≥' | '⩾' => "≥",
        '%' => "%",
        '✓' | '✔' | '☑' | '☒' | '■' | '⊠' | '●' => "✓",
        '☐' | '□' | '_' | '○' => "☐",
        'Ø' | 'ø' => "o",
        _ => "~",
    }
}

/// Lower case without accents; ligatures as their letters.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'á' | 'à' | 'â' | 'ä' | 'ã' => folded.push('a'),
            'é' | 'è' | 'ê' | 'ë' => folded.push('e'),
            'í' | 'ì' | 'î' | 'ï' => folded.push('i'),
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' => folded.push('o'),
            'ú' | 'ù' | 'û' | 'ü' => folded.push('u'),
            'ñ' => folded.push('n'),
            'ç' => folded.push('c'),
            'ø' => folded.push('o'),
            'ß' => folded.push_str("ss"),
            'ﬁ' => folded.push_str("fi"),
            'ﬂ' => folded.push_str("fl"),
            'ﬀ' => folded.push_str("ff"),
            _ if is_mark(character) => {}
            _ => folded.push(character),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        (raw_tokens(text).into_iter())
            .map(|raw| match raw.kind {
                Kind::Tab => "⇥".to_owned(),
                Kind::Newline => "⏎".to_owned(),
                Kind::Blank => "¶".to_owned(),
                Kind::Stop => ".".to_owned(),
                _ => raw.text,
            })
            .collect()
    }

    #[test]
    fn a_text_falls_into_words_numbers_and_signs() {
        assert_eq!(
            texts("HER-2/neu: 2+ (4,5 Kopien/Zelle)."),
            [
                "her", "-", "2", "/", "neu", ":", "2", "+", "(", "4,5", "kopien", "/", "zelle",
                ")", "."
            ]
        );
        assert_eq!(
            texts("Über\u{ad}expression—nein"),
            ["uberexpression", "-", "nein"]
        );
        assert_eq!(
            texts("HER2   NEG\n\n Ki67"),
            ["her2", "⇥", "neg", "¶", "ki67"]
        );
    }

    #[test]
    fn dates_and_glued_units_are_no_numbers() {
        assert_eq!(texts("12.03.2024"), ["12.03.2024"]);
        assert_eq!(raw_tokens("12.03.2024")[0].kind, Kind::Word);
        assert_eq!(raw_tokens("2024-01-30")[0].kind, Kind::Word);
        assert_eq!(raw_tokens("3cm")[0].kind, Kind::Word);
        assert_eq!(raw_tokens("2.3.")[0].kind, Kind::Number);
        assert_eq!(texts("0,1+"), ["0", ",", "1", "+"]);
    }
}
