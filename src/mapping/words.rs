//! Short texts in place of codes, and which marker or test a text speaks of.

use std::collections::{BTreeMap, BTreeSet};

use enumset::EnumSet;

use super::table::Answer;
use crate::her2::evidence::Score;
use crate::her2::number::Measure;

/// The lists of `[words]` of a mapping file, by what their words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordList {
    /// An answer.
    Answer(Answer),
    /// HER2 in one of its spellings.
    Her2,
    /// Another marker.
    OtherMarker,
    /// A kind of assay that is never an input.
    OtherAssay,
    /// Immunohistochemistry.
    Ihc,
    /// In situ hybridisation.
    Ish,
    /// A phrase that mentions a second observer.
    SecondObserver,
    /// A placeholder for a number that is not documented.
    NoNumber,
}

impl WordList {
    /// The list of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "score-0" => Self::Answer(Answer::Score0),
            "score-0-stained" => Self::Answer(Answer::Score0Stained),
            "score-1" => Self::Answer(Answer::Score1),
            "score-2" => Self::Answer(Answer::Score2),
            "score-3" => Self::Answer(Answer::Score3),
            "positive" => Self::Answer(Answer::Positive),
            "negative" => Self::Answer(Answer::Negative),
            "equivocal" => Self::Answer(Answer::Equivocal),
            "indeterminate" => Self::Answer(Answer::Indeterminate),
            "undefined" => Self::Answer(Answer::Undefined),
            "polysomy-not-amplified" => Self::Answer(Answer::PolysomyNotAmplified),
            "no-statement" => Self::Answer(Answer::NoStatement),
            "no-result" => Self::Answer(Answer::NoResult),
            "single-probe" => Self::Answer(Answer::SingleProbe),
            "dual-probe" => Self::Answer(Answer::DualProbe),
            "her2" => Self::Her2,
            "other-marker" => Self::OtherMarker,
            "other-assay" => Self::OtherAssay,
            "ihc" => Self::Ihc,
            "ish" => Self::Ish,
            "second-observer" => Self::SecondObserver,
            "no-number" => Self::NoNumber,
            _ => return None,
        })
    }

    /// Whether its words are held against single tokens of a text.
    pub(super) fn is_of_tokens(self) -> bool {
        matches!(
            self,
            Self::Her2 | Self::OtherMarker | Self::OtherAssay | Self::Ihc | Self::Ish
        )
    }
}

/// The words in force.
#[derive(Clone, Debug, Default)]
pub struct Words {
    answers: BTreeMap<String, Answer>,
    her2: BTreeSet<String>,
    other_marker: BTreeSet<String>,
    other_assay: BTreeSet<String>,
    ihc: BTreeSet<String>,
    ish: BTreeSet<String>,
    second_observer: Vec<Vec<String>>,
    no_number: BTreeSet<String>,
    ratio_bounds: BTreeMap<String, Measure>,
    copies_bounds: BTreeMap<String, Measure>,
}

/// What a short text answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// One answer.
    Answer(Answer),
    /// A range of scores, such as `1-2+`.
    Scores(EnumSet<Score>),
}

impl Words {
    /// Takes one word of a list.
    pub(super) fn add(&mut self, list: WordList, word: &str) {
        match list {
            WordList::Answer(answer) => {
                self.answers.insert(plain(word), answer);
            }
            WordList::Her2 => {
                self.her2.insert(word.to_owned());
            }
            WordList::OtherMarker => {
                self.other_marker.insert(word.to_owned());
            }
            WordList::OtherAssay => {
                self.other_assay.insert(word.to_owned());
            }
            WordList::Ihc => {
                self.ihc.insert(word.to_owned());
            }
            WordList::Ish => {
                self.ish.insert(word.to_owned());
            }
            WordList::SecondObserver => self.second_observer.push(tokens(word)),
            WordList::NoNumber => {
                self.no_number.insert(plain(word));
            }
        }
    }

    /// Takes one word that stands for a bound of a ratio.
    pub(super) fn add_ratio_bound(&mut self, word: &str, bound: Measure) {
        self.ratio_bounds.insert(plain(word), bound);
    }

    /// Takes one word that stands for a bound of copies.
    pub(super) fn add_copies_bound(&mut self, word: &str, bound: Measure) {
        self.copies_bounds.insert(plain(word), bound);
    }

    /// Whether a text stands in the place of a number that is not documented.
    pub fn is_no_number(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| self.no_number.contains(&plain(text)))
    }

    /// The ratios that a placeholder stands for.
    pub fn ratio_bound(&self, text: Option<&str>) -> Option<&Measure> {
        self.ratio_bounds.get(&plain(text?))
    }

    /// The copies that a placeholder stands for.
    pub fn copies_bound(&self, text: Option<&str>) -> Option<&Measure> {
        self.copies_bounds.get(&plain(text?))
    }

    /// What a text answers before a remark in parentheses. A remark that is an answer itself is none.
    pub fn read_before_remark(&self, text: &str) -> Option<Said> {
        let (answer, remark) = text.trim().strip_suffix(')')?.rsplit_once('(')?;
        let is_remark = !remark.trim().is_empty() && self.read(remark).is_none();
        is_remark.then(|| self.read(answer)).flatten()
    }

    /// What a whole short text answers; `None` when it is not exactly one of the words, or a range of scores.
    pub fn read(&self, text: &str) -> Option<Said> {
        let text = plain(text);
        if let Some(answer) = self.answers.get(&text) {
            return Some(Said::Answer(*answer));
        }
        let (low, high) = ['-', '–', '/']
            .into_iter()
            .find_map(|between| text.split_once(between))?;
        let score = |part: &str| match self.answers.get(part.trim()) {
            Some(Answer::Score0) => Some(Score::Zero),
            Some(Answer::Score1) => Some(Score::OnePlus),
            Some(Answer::Score2) => Some(Score::TwoPlus),
            Some(Answer::Score3) => Some(Score::ThreePlus),
            _ => None,
        };
        let (low, high) = (score(low)?, score(high)?);
        (low < high).then(|| {
            Said::Scores(
                EnumSet::all()
                    .iter()
                    .filter(|score| (low..=high).contains(score))
                    .collect(),
            )
        })
    }

    /// The answers that single tokens of a display name: what a reader of it would take it for.
    pub fn answers_in(&self, display: &str) -> Vec<Answer> {
        if let Some(Said::Answer(answer)) = self.read(display) {
            return vec![answer];
        }
        let mut answers = Vec::new();
        for piece in pieces(display) {
            let tokens = tokens(piece);
            // "not amplified" and its like are not a sum of their words.
            let denies = ["not", "no", "non", "nicht", "kein", "keine"];
            if (tokens.iter()).any(|token| denies.contains(&token.as_str())) {
                return Vec::new();
            }
            let named = (tokens.iter())
                .filter(|token| token.ends_with('+') || token.parse::<u8>().is_err())
                .filter_map(|token| self.answers.get(token));
            for answer in named {
                if !answers.contains(answer) {
                    answers.push(*answer);
                }
            }
        }
        answers
    }

    /// Whether a text names HER2 in one of its spellings (HER-2/neu, ERBB2, c-erbB-2).
    pub fn names_her2(&self, text: &str) -> bool {
        let is_name = |spelling: &str, tokens: usize| {
            self.her2.iter().any(|name| {
                spelling == name || (tokens == 1 && spelling.starts_with(name.as_str()))
            })
        };
        pieces(text).any(|piece| names(piece, is_name))
    }

    /// Whether a text names another marker and not HER2.
    pub fn names_other_marker(&self, text: &str) -> bool {
        let is_other = |spelling: &str, _| self.other_marker.contains(spelling);
        !self.names_her2(text) && pieces(text).any(|piece| names(piece, is_other))
    }

    /// Whether a text names a kind of assay that is never an input: gene expression, sequencing, serum.
    pub fn speaks_of_other_assay(&self, text: &str) -> bool {
        self.has_any(text, &self.other_assay)
    }

    /// Whether a text speaks of immunohistochemistry.
    pub fn speaks_of_ihc(&self, text: &str) -> bool {
        self.has_any(text, &self.ihc)
    }

    /// Whether a text speaks of in situ hybridisation.
    pub fn speaks_of_ish(&self, text: &str) -> bool {
        self.has_any(text, &self.ish)
    }

    /// Whether a text mentions a second observer.
    pub fn mentions_second_observer(&self, text: &str) -> bool {
        let tokens = tokens(text);
        self.second_observer.iter().any(|phrase| {
            !phrase.is_empty()
                && tokens
                    .windows(phrase.len())
                    .any(|run| run == phrase.as_slice())
        })
    }

    /// Whether a text consists of words of the vocabulary alone, so that showing it gives away nothing else.
    pub fn is_vocabulary(&self, text: &str) -> bool {
        let is_known = |token: &String| {
            let sets = [&self.her2, &self.other_marker, &self.other_assay];
            self.answers.contains_key(token)
                || self.ihc.contains(token)
                || self.ish.contains(token)
                || sets.iter().any(|words| words.contains(token))
        };
        let tokens = tokens(text);
        self.read(text).is_some() || (!tokens.is_empty() && tokens.iter().all(is_known))
    }

    fn has_any(&self, text: &str, words: &BTreeSet<String>) -> bool {
        pieces(text).any(|piece| tokens(piece).iter().any(|token| words.contains(token)))
    }
}

/// Longer than any phrase of a mapping file, in bytes.
const LONGEST_PHRASE: usize = 4096;

/// Longest text that is looked at in one piece, in bytes, so that its words take little memory.
const PIECE: usize = 64 * 1024;

/// How far a piece reaches into the next one, in bytes: farther than any word or phrase that is looked for.
const OVERLAP: usize = 1024;

/// A text in pieces; no phrase is cut in all of them.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let from = rest?;
        let end = from.floor_char_boundary(PIECE);
        let next = from.floor_char_boundary(end.saturating_sub(OVERLAP));
        rest = from.get(next..).filter(|_| end < from.len());
        // A word that is cut at the start of a piece is whole in the piece before.
        rest = rest.map(|rest| {
            let head = rest.get(..rest.floor_char_boundary(OVERLAP));
            let space = head.and_then(|head| head.find(' ')).unwrap_or(0);
            rest.get(space..).unwrap_or(rest)
        });
        from.get(..end)
    })
}

/// Whether a text has a name in it. Spellings fall apart at hyphens, `c-erbB-2` into three tokens: a name is looked for in
/// every run of up to three, told with their number.
fn names(text: &str, is_name: impl Fn(&str, usize) -> bool) -> bool {
    let tokens: Vec<String> = tokens(text)
        .into_iter()
        .map(|token| token.trim_end_matches('+').to_owned())
        .collect();
    (1..=3).any(|count| {
        tokens
            .windows(count)
            .any(|run| is_name(&run.concat(), count))
    })
}

/// Lower case, single spaces, no space or stop at the ends.
///
/// Of a text longer than any phrase only a beginning is kept, which is longer than any phrase as well.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(&word[..word.floor_char_boundary(LONGEST_PHRASE)]);
        if plain.len() >= LONGEST_PHRASE {
            break;
        }
    }
    plain.trim_end_matches('.').to_lowercase()
}

/// Runs of letters, digits and a trailing plus, in lower case.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut token = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() || (character == '+' && !token.is_empty()) {
            token.push(character);
        } else if !token.is_empty() {
            tokens.push(std::mem::take(&mut token));
        }
    }
    if !token.is_empty() {
        tokens.push(token);
    }
    tokens
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::table::{BASE, Mapping};

    fn words() -> Words {
        Mapping::load(&[("base", BASE)], "b").unwrap().words
    }

    #[test]
    fn a_long_text_is_read_to_its_end_and_no_word_is_cut() {
        let words = words();
        for before in PIECE - 20..PIECE + 20 {
            let filling = "other ".repeat(before / 6 + 1);
            let filling = filling.get(..before).unwrap();
            assert!(words.names_her2(&format!("{filling} c-erbB-2 {filling}")));
            assert!(!words.names_her2(&format!("{filling} another2 {filling}")));
        }
    }

    #[test]
    fn every_spelling_of_her2_is_seen_and_nothing_else() {
        let words = words();
        for text in [
            "HER2",
            "Her-2/neu score",
            "HER 2",
            "ERBB2 gene",
            "c-erbB-2",
            "HER2-Status",
            "HER2neu",
            "HER2+",
        ] {
            assert!(words.names_her2(text), "{text}");
        }
        for text in [
            "other 2",
            "her 2nd visit",
            "Estrogen receptor",
            "ER",
            "herb 2",
        ] {
            assert!(!words.names_her2(text), "{text}");
        }
    }

    #[test]
    fn another_marker_is_seen_in_each_of_its_spellings() {
        let words = words();
        for text in [
            "PD-L1 by clone 22C3",
            "pdl1",
            "Ki-67",
            "Ki67 index",
            "PTEN in Tissue",
        ] {
            assert!(words.names_other_marker(text), "{text}");
        }
        for text in ["HER2 and ER", "Skin biopsy", "FISH"] {
            assert!(!words.names_other_marker(text), "{text}");
        }
    }

    #[test]
    fn a_short_text_is_read_whole_or_not_at_all() {
        let words = words();
        assert_eq!(words.read("2+"), Some(Said::Answer(Answer::Score2)));
        assert_eq!(
            words.read(" Score  3+ "),
            Some(Said::Answer(Answer::Score3))
        );
        assert_eq!(
            words.read("Not amplified."),
            Some(Said::Answer(Answer::Negative))
        );
        assert_eq!(
            words.read("1+/2+"),
            Some(Said::Scores(Score::OnePlus | Score::TwoPlus))
        );
        assert_eq!(
            words.read("0-2+"),
            Some(Said::Scores(Score::Zero | Score::OnePlus | Score::TwoPlus))
        );
        assert_eq!(words.read("3+ in the control"), None);
        assert_eq!(words.read("3+-2+"), None);
    }

    #[test]
    fn words_of_hybridisation_that_no_edition_defines_are_told_apart() {
        let words = words();
        for text in ["Borderline", "polysomy", "Polysomy 17"] {
            assert_eq!(words.read(text), Some(Said::Answer(Answer::Undefined)));
        }
        assert_eq!(
            words.read("Polysomy 17, not amplified"),
            Some(Said::Answer(Answer::PolysomyNotAmplified))
        );
        assert_eq!(words.read("amplified low level"), None);
    }

    #[test]
    fn a_second_observer_is_mentioned_by_whole_words() {
        let words = words();
        assert!(words.mentions_second_observer("Recounted by a Second-Observer."));
        assert!(words.mentions_second_observer("a blinded recount gave 3.9"));
        assert!(!words.mentions_second_observer("the second observers meeting"));
        assert!(!words.mentions_second_observer("a second block was observed"));
    }

    #[test]
    fn a_placeholder_of_a_registry_is_a_bound_or_no_number() {
        let words = words();
        let written = |bound: Option<&Measure>| bound.map(ToString::to_string);
        assert_eq!(written(words.ratio_bound(Some("XX.2"))).unwrap(), "<2.0");
        assert_eq!(written(words.ratio_bound(Some("xx.3"))).unwrap(), ">=2.0");
        assert_eq!(written(words.copies_bound(Some("XX.1"))).unwrap(), ">=100");
        assert_eq!(written(words.copies_bound(Some("XX.2"))), None);
        assert!(words.is_no_number(Some("XX.9")));
        assert!(!words.is_no_number(Some("1.9")));
    }

    #[test]
    fn a_display_names_what_a_reader_would_take_it_for() {
        let words = words();
        assert_eq!(words.answers_in("Negative (Score 0)"), vec![Answer::Score0]);
        assert_eq!(words.answers_in("IHC 2+"), vec![Answer::Score2]);
        assert!(words.answers_in("Not amplified by FISH").is_empty());
        assert!(words.names_other_marker("Estrogen receptor positive tumor"));
    }
}
