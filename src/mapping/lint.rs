//! The faults of mapping files: what keeps a file from being used, and what a reviewer would ask about.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Months, NaiveDate};
use serde::Serialize;

use super::normalise::names_another;
use super::table::layers::{Fault, FileInForce, Layer, PlacedRow, Stack};
use super::table::rows::{Form, Row, Table};
use super::table::{Finding, Mapping, MappingError};
use super::words::{WordList, plain, tokens};

/// Months after which a file wants to be looked at again.
pub const REVIEW_HOLDS_MONTHS: u32 = 24;

/// `reviewed_by` of a file that nobody has looked at.
pub const NOBODY: &str = "nobody yet";

/// How bad a flaw is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used, or means something else than it says.
    Error,
    /// Somebody should look.
    Warning,
}

/// One thing that is wrong with a mapping file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// The file.
    pub file: String,
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// How bad it is.
    pub severity: Severity,
    /// Its kind, such as `double-row`.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: &'static str,
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(formatter, "{line}:")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(
            formatter,
            " {severity}: {}: {}; {}",
            self.code, self.what, self.mend
        )
    }
}

/// Looks through layers of files; the last one is the site's. `base` replaces `{base}` in systems. Flaws are sorted by file and line.
pub fn lint(layers: &[Layer], base: &str, today: NaiveDate) -> Vec<Flaw> {
    let stack = Stack::read(layers, base);
    let lint = Lint {
        mapping: Mapping::of_usable_rows(&stack),
        site_layer: layers.len().saturating_sub(1),
        stack: &stack,
        flaws: Vec::new(),
    };
    let mut flaws = lint.all(today);
    let order: Vec<&str> = (layers.iter().flatten())
        .map(|file| file.name.as_str())
        .collect();
    flaws.sort_by_key(|flaw| {
        let file = order.iter().position(|name| *name == flaw.file);
        (file, flaw.line, flaw.severity, flaw.code)
    });
    flaws
}

struct Lint<'s> {
    stack: &'s Stack,
    mapping: Mapping,
    site_layer: usize,
    flaws: Vec<Flaw>,
}

impl Lint<'_> {
    fn all(mut self, today: NaiveDate) -> Vec<Flaw> {
        for fault in &self.stack.faults {
            self.flaws.push(flaw_of(fault));
        }
        for file in &self.stack.files {
            self.review(file, today);
        }
        self.systems();
        self.repeated_and_shadowed();
        let displays = self.displays_of_base();
        for placed in &self.stack.rows {
            self.display(placed, &displays);
            self.word(placed);
        }
        self.flaws
    }

    fn warn(
        &mut self,
        file: &str,
        line: Option<usize>,
        code: &'static str,
        what: String,
        mend: &'static str,
    ) {
        self.flaws.push(Flaw {
            file: file.to_owned(),
            line,
            severity: Severity::Warning,
            code,
            what,
            mend,
        });
    }

    fn warn_of_row(
        &mut self,
        placed: &PlacedRow,
        code: &'static str,
        what: String,
        mend: &'static str,
    ) {
        let file = self.stack.name_of(placed);
        self.warn(&file, Some(placed.row.line), code, what, mend);
    }

    fn review(&mut self, file: &FileInForce, today: NaiveDate) {
        let Some(header) = &file.header else { return };
        let mend = "look through the file and set reviewed_by and reviewed_on";
        if plain(&header.reviewed_by) == NOBODY {
            let what = "nobody has reviewed it".to_owned();
            self.warn(&file.name, None, "not-reviewed", what, mend);
        }
        let day = header.reviewed_on;
        if day > today {
            let what = format!("its day of review, {day}, has not come yet");
            self.warn(&file.name, None, "review-date", what, mend);
        }
        let due = day.checked_add_months(Months::new(REVIEW_HOLDS_MONTHS));
        if due.is_some_and(|due| due < today) {
            let what =
                format!("it was reviewed on {day}, more than {REVIEW_HOLDS_MONTHS} months ago");
            self.warn(&file.name, None, "review-date", what, mend);
        }
    }

    /// A system that is defined and that no row of its file or of a later layer uses.
    fn systems(&mut self) {
        for (index, file) in self.stack.files.iter().enumerate() {
            for (short, _, line) in &file.systems {
                let is_used = self.stack.rows.iter().any(|placed| {
                    let layer = self.stack.files.get(placed.file).map(|of| of.layer);
                    let may_use = placed.file == index || layer > Some(file.layer);
                    may_use && placed.row.system == *short
                });
                if !is_used {
                    self.warn(
                        &file.name,
                        Some(*line),
                        "unused-system",
                        format!("no row uses the system `{short}`"),
                        "take it out, or check the short names of the rows",
                    );
                }
            }
        }
    }

    fn repeated_and_shadowed(&mut self) {
        let stack = self.stack;
        let rows = |pairs: &[(usize, usize)]| -> Vec<(&PlacedRow, &PlacedRow)> {
            (pairs.iter())
                .filter_map(|(one, other)| Some((stack.rows.get(*one)?, stack.rows.get(*other)?)))
                .collect()
        };
        for (earlier, later) in rows(&stack.repeated) {
            // Shipped profiles stand alone and repeat what they need.
            let is_of_site = (stack.files.get(later.file))
                .is_some_and(|file| file.layer == self.site_layer && file.layer > 0);
            if is_of_site || earlier.file == later.file {
                let what = format!(
                    "`{}` means the same in {} line {}",
                    later.row.label(),
                    stack.name_of(earlier),
                    earlier.row.line
                );
                self.warn_of_row(later, "repeated", what, "one of the two is enough");
            }
        }
        for (lost, won) in rows(&stack.shadowed) {
            let what = format!(
                "`{}` is {} here, over {} in {} line {}, which is then not reached",
                won.row.label(),
                won.row.meaning_in_words(),
                lost.row.meaning_in_words(),
                stack.name_of(lost),
                lost.row.line
            );
            self.warn_of_row(won, "shadowed", what, "take it out unless it is meant");
        }
    }

    /// The displays of the first layer by system and code.
    fn displays_of_base(&self) -> BTreeMap<(String, String), BTreeSet<String>> {
        let mut displays: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for placed in self.stack.rows.iter().filter(|placed| {
            let file = self.stack.files.get(placed.file);
            file.is_some_and(|file| file.layer == 0) && placed.row.form == Form::Code
        }) {
            for key in keys(&placed.row) {
                displays
                    .entry(key)
                    .or_default()
                    .insert(plain(&placed.row.display));
            }
        }
        displays
    }

    /// A display against its code.
    fn display(
        &mut self,
        placed: &PlacedRow,
        of_base: &BTreeMap<(String, String), BTreeSet<String>>,
    ) {
        let row = &placed.row;
        if row.form == Form::Word {
            return;
        }
        let display = row.display.as_str();
        if display.trim().is_empty() || display.trim() != display {
            let what = format!(
                "the display of `{}` is empty or has blanks at its ends",
                row.label()
            );
            let mend = "write the display as its code system does";
            return self.warn_of_row(placed, "display", what, mend);
        }
        if self.says_otherwise(row) {
            self.flaws.push(Flaw {
                file: self.stack.name_of(placed),
                line: Some(row.line),
                severity: Severity::Error,
                code: "display",
                what: format!(
                    "`{}` is {}, and its display says otherwise ({display})",
                    row.label(),
                    row.meaning_in_words()
                ),
                mend: "find out which of the two is meant",
            });
        }
        let differs = (keys(row).iter())
            .filter_map(|key| of_base.get(key))
            .any(|displays| !displays.contains(&plain(display)));
        if row.form == Form::Code && differs {
            let what = format!("`{}` has another display in the base file", row.label());
            let mend = "check the code, and use the same display";
            self.warn_of_row(placed, "display", what, mend);
        }
    }

    /// Whether a reader of the display would take a code for something else.
    fn says_otherwise(&self, row: &Row) -> bool {
        let words = &self.mapping.words;
        match (row.answer(), row.finding()) {
            (Some(answer), _) => names_another(&self.mapping, &row.display, answer),
            (_, Some(Finding::OtherMarker)) => words.names_her2(&row.display),
            (_, Some(finding)) => {
                finding.exclusion().is_none() && words.names_other_marker(&row.display)
            }
            _ => false,
        }
    }

    /// A word that can never match.
    fn word(&mut self, placed: &PlacedRow) {
        let row = &placed.row;
        if row.form != Form::Word || row.table == Table::Units {
            return;
        }
        let list = (row.table == Table::Words)
            .then(|| WordList::parse(&row.is))
            .flatten();
        let is_token = list.is_some_and(WordList::is_of_tokens);
        let what = if is_token && tokens(&row.text) != [row.text.as_str()] {
            format!(
                "`{}` is never met: texts are taken apart into lower-case words",
                row.text
            )
        } else if matches!(row.table, Table::RatioBounds | Table::CopiesBounds)
            && self.mapping.words.is_no_number(Some(&row.text))
        {
            format!("`{}` is never met: no-number takes it first", row.text)
        } else {
            return;
        };
        self.warn_of_row(
            placed,
            "unreachable",
            what,
            "write it otherwise or take it out",
        );
    }
}

/// The spellings of a row's code.
fn keys(row: &Row) -> Vec<(String, String)> {
    (row.spellings.iter())
        .map(|system| (system.clone(), row.text.clone()))
        .collect()
}

fn flaw_of(fault: &Fault) -> Flaw {
    let (code, mend) = match &fault.error {
        MappingError::Unreadable { .. } => (
            "unreadable",
            "write it as mappings/base.toml is written, with no other keys",
        ),
        MappingError::UnknownSystem { .. } => ("unknown-system", "define it in [systems]"),
        MappingError::BadHeader { .. } => ("header", "complete the header"),
        MappingError::DoubleRow { .. } => ("double-row", "leave one of the rows"),
        MappingError::Conflict { .. } => ("conflict", "find out which of the two is meant"),
        MappingError::UnknownProfile { .. } => ("unknown-profile", "name a shipped profile"),
        MappingError::Proposed { .. } => (
            "proposed",
            "read each proposal, then take `proposed.` out of the name of its table or delete it",
        ),
        MappingError::BadRow { .. } => ("bad-row", "choose what mappings/base.toml shows"),
    };
    Flaw {
        file: fault.file.clone(),
        line: fault.line,
        severity: Severity::Error,
        code,
        what: fault.error.to_string(),
        mend,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::shipped;
    use crate::mapping::table::layers::SourceFile;

    const HEADER: &str = "[header]\nname=\"t\"\npurpose=\"t\"\nsource=\"t\"\nversion=\"1\"\nreviewed_by=\"t\"\nreviewed_on=\"2026-01-01\"\n[systems]\nl=[\"urn:l\"]\n";

    fn today() -> NaiveDate {
        "2026-11-20".parse().unwrap()
    }

    /// The flaws of site files over the base alone.
    fn flaws(files: &[(&str, &str)]) -> Vec<Flaw> {
        let site = (files.iter())
            .map(|(name, text)| SourceFile {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        let layers = shipped::layers(&[], site).unwrap();
        let flaws = lint(&layers, "https://site.example", today());
        (flaws.into_iter())
            .filter(|flaw| flaw.file != "mappings/base.toml")
            .collect()
    }

    /// Line, severity and code of the flaws of one file with the usual header.
    fn of(rows: &str) -> Vec<(Option<usize>, Severity, &'static str)> {
        (flaws(&[("site.toml", &format!("{HEADER}{rows}"))]).iter())
            .map(|flaw| (flaw.line, flaw.severity, flaw.code))
            .collect()
    }

    const POSITIVE: &str =
        "[[answer]]\nis=\"positive\"\ncodes=[{system=\"l\",code=\"P\",display=\"Positive\"}]\n";

    #[test]
    fn everything_shipped_is_without_a_flaw() {
        let names: Vec<String> = (shipped::profiles().iter())
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let layers = shipped::layers(&names, Vec::new()).unwrap();
        let flaws = lint(&layers, "https://site.example", today());
        let lines: Vec<String> = flaws.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }

    #[test]
    fn rows_that_cannot_be_used_are_all_named_with_their_lines() {
        use Severity::Error;
        let rows = format!(
            "{POSITIVE}[[answer]]\nis=\"borderline\"\ncodes=[{{system=\"l\",code=\"B\",display=\"b\"}}]\n\
             [[answer]]\nis=\"negative\"\ncodes=[\n{{system=\"l\",code=\"P\",display=\"n\"}},\n{{system=\"m\",code=\"N\",display=\"n\"}},\n\
             {{system=\"l\",code=\"S\",site=\"elbow\",display=\"n\"}},\n{{system=\"l\",code=\" \",display=\"n\"}},\n]\n"
        );
        assert_eq!(
            of(&rows),
            [
                (Some(14), Error, "bad-row"),
                (Some(19), Error, "double-row"),
                (Some(20), Error, "unknown-system"),
                (Some(21), Error, "bad-row"),
                (Some(22), Error, "bad-row"),
            ]
        );
    }

    #[test]
    fn an_unknown_key_is_named_by_its_line_and_the_other_files_are_still_looked_through() {
        let typo = format!("{HEADER}[[answer]]\nis=\"positive\"\ncods=[]\n");
        let unused = format!("{HEADER}m=[\"urn:m\"]\n{POSITIVE}");
        let flaws = flaws(&[("a.toml", &typo), ("b.toml", &unused)]);
        let lines: Vec<String> = flaws.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].starts_with("a.toml:12: error: unreadable: "),
            "{}",
            lines[0]
        );
        assert!(lines[0].contains("cods"), "{}", lines[0]);
        assert!(
            lines[1].starts_with("b.toml:10: warning: unused-system: "),
            "{}",
            lines[1]
        );
    }

    #[test]
    fn a_system_without_a_spelling_is_an_error() {
        let rows = "none=[]\nempty=[\"\"]\n[[answer]]\nis=\"positive\"\ncodes=[{system=\"none\",code=\"1\",display=\"a\"},{system=\"empty\",code=\"1\",display=\"a\"},{system=\"l\",code=\"1\",display=\"a\"}]\n";
        let codes: Vec<&str> = of(rows).iter().map(|(.., code)| *code).collect();
        assert_eq!(codes.iter().filter(|code| **code == "bad-row").count(), 2);
    }

    #[test]
    fn a_display_that_says_otherwise_is_an_error_and_a_strange_one_a_warning() {
        use Severity::{Error, Warning};
        let row = |is: &str, row: &str| {
            of(&format!(
                "loinc=[\"http://loinc.org\"]\n{POSITIVE}{is}\ncodes=[{{{row}}}]\n"
            ))
            .into_iter()
            .filter(|(.., code)| *code == "display")
            .map(|(_, severity, _)| severity)
            .collect::<Vec<_>>()
        };
        let answer = "[[answer]]\nis=\"score-2+\"";
        let finding = "[[finding]]\nis=\"ihc-score\"";
        let local = "system=\"l\",code=\"2\"";
        assert_eq!(row(answer, &format!("{local},display=\"3+\"")), [Error]);
        assert_eq!(
            row(answer, &format!("{local},display=\"Equivocal (2+)\"")),
            []
        );
        assert_eq!(row(answer, &format!("{local},display=\"\"")), [Warning]);
        assert_eq!(row(answer, &format!("{local},display=\"2+ \"")), [Warning]);
        assert_eq!(row(finding, &format!("{local},display=\"Ki-67\"")), [Error]);
        let base = "system=\"loinc\",code=\"LA11842-4\"";
        assert_eq!(row(answer, &format!("{base},display=\"2+\"")), []);
        assert_eq!(
            row(answer, &format!("{base},display=\"Score 2\"")),
            [Warning]
        );
    }

    #[test]
    fn what_the_base_says_already_or_says_otherwise_is_told() {
        use Severity::Warning;
        let same = "[[answer]]\nis=\"positive\"\ncodes=[{system=\"sct\",code=\"10828004\",display=\"Positive\"},{system=\"l\",code=\"1\",display=\"a\"}]\n";
        assert_eq!(of(same), [(Some(12), Warning, "repeated")]);
        let other = "[[answer]]\nis=\"no-statement\"\ncodes=[{system=\"interpretation\",code=\"E\",display=\"Equivocal\"},{system=\"l\",code=\"1\",display=\"a\"}]\n";
        let flaws = flaws(&[("site.toml", &format!("{HEADER}{other}"))]);
        let shadowed = flaws.iter().find(|flaw| flaw.code == "shadowed").unwrap();
        assert!(
            shadowed.what.contains("interpretation|E")
                && shadowed
                    .what
                    .contains("answer equivocal in mappings/base.toml line "),
            "{shadowed}"
        );
    }

    #[test]
    fn a_word_that_can_never_match_is_told() {
        use Severity::{Error, Warning};
        let rows = format!(
            "{POSITIVE}[words]\nher2=[\"c-erbB-2\"]\npositive=[\" \"]\nno-number=[\"n/a\"]\nratio-bounds={{\"N/A\"=\">2\"}}\n"
        );
        assert_eq!(
            of(&rows),
            [
                (Some(14), Warning, "unreachable"),
                (Some(15), Error, "bad-row"),
                (Some(17), Warning, "unreachable"),
            ]
        );
    }

    #[test]
    fn a_review_holds_for_two_years_and_none_at_all_is_told() {
        let codes = |by: &str, on: &str| {
            let text = format!("{HEADER}{POSITIVE}")
                .replace("reviewed_by=\"t\"", &format!("reviewed_by=\"{by}\""))
                .replace("2026-01-01", on);
            let flaws = flaws(&[("site.toml", &text)]);
            flaws.iter().map(|flaw| flaw.code).collect::<Vec<_>>()
        };
        assert_eq!(codes("t", "2024-11-20"), Vec::<&str>::new());
        assert_eq!(codes("t", "2024-11-19"), ["review-date"]);
        assert_eq!(codes("t", "2026-11-21"), ["review-date"]);
        assert_eq!(codes(NOBODY, "2026-11-20"), ["not-reviewed"]);
        assert_eq!(codes("t", "soon"), ["header"]);
        assert_eq!(codes("", "2026-11-20"), ["header"]);
    }

    #[test]
    fn two_files_of_one_layer_that_contradict_each_other_are_both_named() {
        let other =
            "[[answer]]\nis=\"negative\"\ncodes=[{system=\"l\",code=\"P\",display=\"Negative\"}]\n";
        let flaws = flaws(&[
            ("north.toml", &format!("{HEADER}{POSITIVE}")),
            ("south.toml", &format!("{HEADER}{other}")),
        ]);
        assert_eq!(flaws.len(), 1);
        assert_eq!(
            flaws[0].what,
            "mappings `north.toml` and `south.toml` contradict each other: `l|P` is answer positive in the first and answer negative in the second"
        );
    }
}
