//! The whole decision table of an edition: every input it knows, with its answer and where the answer is written.
//!
//! The rows come from the edition alone, so that a further edition prints itself. Text and Markdown say "other group" (or class)
//! once where every other group of a recount has the same answer; CSV is for machines and has one record per input.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Format, NOTHING, escaped, wrapped};

use crate::her2::conventions::Conventions;
use crate::her2::decide::categories;
use crate::her2::guideline::{Answer, Comment, Dual, Edition, Ihc, Ish, Recount, Rule, Threshold};
use crate::her2::reason::Reason;

/// The decision table of an edition: in text for 120 columns, in Markdown with thresholds and rules below it as well, in
/// CSV with each rule's sentence. In a row of several inputs the rule id ends in `*`.
pub fn table(edition: Edition, format: Format) -> String {
    match format {
        Format::Text => text(edition),
        Format::Markdown => markdown(edition),
        Format::Csv => csv(edition),
    }
}

/// The decision tables of some editions, one after the other: with a line between them, and in CSV under one header, since
/// each record names its edition in the rule id.
pub fn tables(editions: &[Edition], format: Format) -> String {
    let tables: Vec<String> = (editions.iter())
        .map(|edition| table(*edition, format))
        .collect();
    if format != Format::Csv {
        return tables.join("\n");
    }
    let mut records = String::new();
    for (index, table) in tables.iter().enumerate() {
        let without_header = table.split_once('\n').map_or("", |(_, records)| records);
        records += if index == 0 { table } else { without_header };
    }
    records
}

/// Columns of a terminal.
const TERMINAL_WIDTH: usize = 120;

const COLUMNS: [&str; 9] = [
    "IHC",
    "ISH",
    "recount",
    "status",
    "category",
    "next action",
    "review code",
    "rule id",
    "source",
];

/// One line of the table.
struct Row {
    ihc: String,
    ish: String,
    recount: String,
    category: String,
    rule: String,
    answer: Answer,
}

impl Row {
    /// The row of one input, or of several that differ only in the group of the recount and have the same answer.
    fn new(edition: Edition, ihc: Ihc, ish: Ish, inputs: &[(Ihc, Ish)]) -> Self {
        let answer = edition.answer(ihc, ish, &Conventions::DEFAULT);
        let is_folded = inputs.len() > 1;
        let ihc_id = ihc.name();
        Self {
            ihc: ihc_id.strip_prefix("ihc-").unwrap_or(ihc_id).to_owned(),
            ish: ish_words(edition, ish),
            recount: match ish {
                _ if is_folded => format!("other {}", edition.class_noun()),
                Ish::Dual(_, Recount::NotDone) => "not done".to_owned(),
                Ish::Dual(_, Recount::SameClass) => format!("same {}", edition.class_noun()),
                Ish::Dual(_, Recount::OtherClass(class)) => class_words(edition, class),
                _ => String::new(),
            },
            category: category(edition, ihc, ish),
            rule: if is_folded {
                let rules: Vec<String> = (inputs.iter())
                    .map(|(ihc, ish)| Rule::Row(edition, *ihc, *ish).to_string())
                    .collect();
                format!("{}*", common_beginning(&rules))
            } else {
                Rule::Row(edition, ihc, ish).to_string()
            },
            answer,
        }
    }

    /// In the order of [`COLUMNS`].
    fn cells(&self) -> [&str; COLUMNS.len()] {
        [
            &self.ihc,
            &self.ish,
            &self.recount,
            self.answer.status.name(),
            &self.category,
            self.answer.action.name(),
            self.answer.review.map_or("", |code| code.name()),
            &self.rule,
            self.answer.source,
        ]
    }
}

/// Every input of the edition in its order, each in a row of its own.
fn rows(edition: Edition) -> Vec<Row> {
    (edition.inputs().into_iter())
        .map(|(ihc, ish)| Row::new(edition, ihc, ish, &[]))
        .collect()
}

/// Every input of the edition in its order; those that differ only in the other group of a recount are one row, at the
/// place of the first, where all their answers are equal.
fn folded_rows(edition: Edition) -> Vec<Row> {
    let all = edition.inputs();
    let mut rows = Vec::new();
    for (ihc, ish) in &all {
        let alike: Vec<(Ihc, Ish)> = (all.iter().copied())
            .filter(|(other_ihc, other_ish)| {
                other_ihc == ihc && both_recounted_elsewhere(*ish, *other_ish)
            })
            .collect();
        let answer = edition.answer(*ihc, *ish, &Conventions::DEFAULT);
        let are_equal = (alike.iter())
            .all(|(ihc, ish)| edition.answer(*ihc, *ish, &Conventions::DEFAULT) == answer);
        match alike.first() {
            Some(first) if are_equal && *first == (*ihc, *ish) => {
                rows.push(Row::new(edition, *ihc, *ish, &alike));
            }
            Some(_) if are_equal => {}
            _ => rows.push(Row::new(edition, *ihc, *ish, &[])),
        }
    }
    rows
}

fn both_recounted_elsewhere(one: Ish, other: Ish) -> bool {
    match (one, other) {
        (Ish::Dual(one, Recount::OtherClass(_)), Ish::Dual(other, Recount::OtherClass(_))) => {
            one == other
        }
        _ => false,
    }
}

fn ish_words(edition: Edition, ish: Ish) -> String {
    match ish {
        Ish::NotDone => "not done".to_owned(),
        Ish::Failed => "failed".to_owned(),
        Ish::Single(copies) => format!(
            "single-probe, {}",
            edition.copies_name(copies).replace('-', " ")
        ),
        Ish::Dual(class, _) => format!("dual-probe {}", class_words(edition, class)),
        Ish::Adjudicated(class) => format!("adjudicated in {}", class_words(edition, class)),
        Ish::Amplified => "stated as amplified".to_owned(),
        Ish::NotAmplified => "stated as not amplified".to_owned(),
    }
}

fn class_words(edition: Edition, class: Dual) -> String {
    edition.class_name(class).replace('-', " ")
}

/// The kinds of result that the answer may have, by the default conventions.
fn category(edition: Edition, ihc: Ihc, ish: Ish) -> String {
    let status = edition.answer(ihc, ish, &Conventions::DEFAULT).status;
    let kinds = categories(edition, &Conventions::DEFAULT, status, ihc, ish);
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        names => names.concat(),
    }
}

/// A rule in a sentence, with the comment that the guideline asks for beside its result.
type Sentence = (&'static str, Option<Comment>);

/// The distinct rules by where they are written, in the order of the rows.
fn rules_by_source(rows: &[Row]) -> BTreeMap<&'static str, Vec<Sentence>> {
    let mut sources: BTreeMap<&str, Vec<Sentence>> = BTreeMap::new();
    for answer in rows.iter().map(|row| &row.answer) {
        let rules = sources.entry(answer.source).or_default();
        let rule = (answer.sentence, answer.comment);
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    sources
}

/// Sources are numbered in the rows, and named below them with their rules.
fn text(edition: Edition) -> String {
    let rows = folded_rows(edition);
    let sources = rules_by_source(&rows);
    let mut page = vec![
        format!("{} ({})", edition.title(), edition.id()),
        String::new(),
    ];
    page.extend(text_of_rows(&rows, &sources));

    page.extend([String::new(), "Thresholds".to_owned(), String::new()]);
    for Threshold { words, source } in edition.thresholds() {
        let threshold = format!("{words} [{source}]");
        page.extend(wrapped(&threshold, TERMINAL_WIDTH, " - ", "   "));
    }

    page.extend([String::new(), "Sources and their rules".to_owned()]);
    for (index, (source, rules)) in sources.iter().enumerate() {
        page.extend([String::new(), format!("{:>2}  {source}", index + 1)]);
        for (sentence, comment) in rules {
            page.extend(wrapped(sentence, TERMINAL_WIDTH, "    - ", "      "));
            if let Some(comment) = comment {
                let comment = Reason::Comment(*comment).to_string();
                page.extend(wrapped(&comment, TERMINAL_WIDTH, "      ", "      "));
            }
        }
    }
    page.push(String::new());
    page.join("\n")
}

/// One section per ISH result, so that neither it nor the beginning of its rule ids is repeated in every row.
fn text_of_rows(rows: &[Row], sources: &BTreeMap<&str, Vec<Sentence>>) -> Vec<String> {
    let without_ish = |cells: [&str; COLUMNS.len()], source: &str| {
        let [ihc, _, recount, status, category, action, review, ..] = cells;
        [ihc, recount, status, category, action, review, source]
            .map(|cell| if cell.is_empty() { NOTHING } else { cell }.to_owned())
    };
    let mut lines = vec![without_ish(COLUMNS, "from")];
    for row in rows {
        let index = sources
            .keys()
            .position(|source| *source == row.answer.source);
        let number = index.map_or(String::new(), |index| (index + 1).to_string());
        lines.push(without_ish(row.cells(), &number));
    }
    let mut aligned = aligned(&lines).into_iter();
    let mut text: Vec<String> = aligned.next().into_iter().collect();
    let mut section = "";
    for (row, line) in rows.iter().zip(aligned) {
        if row.ish != section {
            section = &row.ish;
            let rules: Vec<String> = (rows.iter())
                .filter(|other| other.ish == row.ish)
                .map(|other| other.rule.clone())
                .collect();
            text.push(String::new());
            text.push(format!(
                "ISH {section}: rules {}…",
                common_beginning(&rules)
            ));
        }
        text.push(line);
    }
    text
}

/// The cells of each line in columns as wide as their widest cell.
fn aligned<const N: usize>(lines: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    (lines.iter())
        .map(|line| {
            let cells: Vec<String> = (line.iter().zip(widths))
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            format!(" {}", cells.join("  ")).trim_end().to_owned()
        })
        .collect()
}

fn markdown(edition: Edition) -> String {
    let rows = folded_rows(edition);
    let mut page = format!("# {} ({})\n\n", escaped(edition.title()), edition.id());
    let line = |cells: [&str; COLUMNS.len()]| {
        let cells = cells.map(|cell| {
            if cell.is_empty() {
                NOTHING.to_owned()
            } else {
                escaped(cell)
            }
        });
        format!("| {} |\n", cells.join(" | "))
    };
    page += &line(COLUMNS);
    page += &format!("|{}\n", " --- |".repeat(COLUMNS.len()));
    page.extend(rows.iter().map(|row| line(row.cells())));

    page += "\n## Thresholds\n\n";
    for Threshold { words, source } in edition.thresholds() {
        let _ = writeln!(page, "- {} ({})", escaped(words), escaped(source));
    }
    page += "\n## Sources and their rules\n";
    for (source, rules) in rules_by_source(&rows) {
        let _ = writeln!(page, "\n{}:\n", escaped(source));
        for (sentence, comment) in rules {
            let comment = comment.map_or(String::new(), |comment| {
                format!(" {}", Reason::Comment(comment))
            });
            let _ = writeln!(page, "- {}{}", escaped(sentence), escaped(&comment));
        }
    }
    page
}

fn csv(edition: Edition) -> String {
    let record = |cells: [&str; COLUMNS.len()], sentence: &str| {
        let fields: Vec<String> = (cells.into_iter().chain([sentence]))
            .map(csv_field)
            .collect();
        fields.join(",") + "\n"
    };
    let names = COLUMNS.map(|title| title.to_lowercase().replace(' ', "_"));
    let header = record(names.each_ref().map(String::as_str), "sentence");
    let records = rows(edition);
    let records = records
        .iter()
        .map(|row| record(row.cells(), row.answer.sentence));
    std::iter::once(header).chain(records).collect()
}

/// A field of RFC 4180, quoted where it must be.
pub(super) fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The longest text that all of them begin with.
fn common_beginning(texts: &[String]) -> &str {
    let Some((first, others)) = texts.split_first() else {
        return "";
    };
    let end = (first
        .char_indices()
        .map(|(index, _)| index)
        .chain([first.len()]))
    .take_while(|end| (others.iter()).all(|other| other.get(..*end) == first.get(..*end)))
    .last();
    end.and_then(|end| first.get(..end)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_field_is_quoted_only_where_it_must_be() {
        assert_eq!(csv_field("IHC 1+"), "IHC 1+");
        assert_eq!(csv_field("a, \"b\"\n"), "\"a, \"\"b\"\"\n\"");
    }

    #[test]
    fn texts_share_their_longest_beginning() {
        let texts = ["é/1".to_owned(), "é/2".to_owned()];
        assert_eq!(common_beginning(&texts), "é/");
        assert_eq!(common_beginning(&[]), "");
        assert_eq!(common_beginning(&["one".to_owned()]), "one");
    }
}
