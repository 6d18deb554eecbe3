//! What becomes of a result when its sources change: every event by how far the result has come.
//!
//! Markdown and CSV say each cell in full. Text says it in one word and two signs, so that a row is a line, and in full
//! below the table.

use std::fmt::Write as _;

use super::table::csv_field;
use super::{Format, NOTHING, PAGE_WIDTH, escaped, wrapped};
use crate::pipeline::lifecycle::events::{ASKS, Cell, Group, SourceEvent};
use crate::pipeline::lifecycle::{Move, ResultState};

/// The whole table: in text for 120 columns, in Markdown, or in CSV.
pub fn supersession(format: Format) -> String {
    match format {
        Format::Text => text(),
        Format::Markdown => markdown(),
        Format::Csv => csv(),
    }
}

const TITLE: &str = "What becomes of a result when its sources change";

const INTRODUCTION: &str = "A row is something that happens to a source of a case with one IHC result in one signed report. \
    A column is how far the derived result has come before it.";

const STATES: [&str; 5] = [
    "there is no version of it; the event comes before the first pass",
    "nobody has signed it yet",
    "a person has signed exactly this version",
    "it was final and has changed since, amended or corrected, and nobody has signed that yet",
    "it is withdrawn, because its source was entered in error; an event that does not take that back leaves it so",
];

/// The first word of a row in the text, and the signs behind the words of cells.
const EVENT: &str = "event";
const ANNOUNCED: &str = "!";
const ELSEWHERE: &str = "+";

/// Each word of a cell in text with what it stands for, in the order in which a result comes by them.
fn legend() -> Vec<(&'static str, String)> {
    let steps = [
        Move::Begin,
        Move::Revise,
        Move::Amend,
        Move::Correct,
        Move::Unresolve,
        Move::Withdraw,
        Move::Revive,
    ];
    let mut legend = vec![(NOTHING, "nothing is written of the result".to_owned())];
    legend.extend(steps.map(|step| (word(step), meaning(step))));
    legend.extend([
        (ASKED, format!("nothing is written of the result; {ASKS}")),
        (
            ANNOUNCED,
            "announced to those who relied on the result: a Task, and a webhook where one is set"
                .to_owned(),
        ),
        (
            ELSEWHERE,
            "the other case, which has the evidence now, begins: a first result, or a question"
                .to_owned(),
        ),
    ]);
    legend
}

const ASKED: &str = "asks";

fn word(step: Move) -> &'static str {
    match step {
        Move::Keep => NOTHING,
        Move::Begin => "first",
        Move::Revise => "revised",
        Move::Amend => "amended",
        Move::Correct => "corrected",
        Move::Unresolve => "unresolved",
        Move::Withdraw => "withdrawn",
        Move::Revive => "returns",
    }
}

fn meaning(step: Move) -> String {
    let more = match step {
        Move::Keep | Move::Revise | Move::Amend | Move::Correct => "",
        Move::Begin => ", or final at once where the site lets the signed report speak for itself",
        Move::Unresolve => "; the answer is “unresolved, see review”",
        Move::Withdraw => "; its value is kept, and its Tasks are closed",
        Move::Revive => ", whatever it was before",
    };
    format!("{}{more}", step.words())
}

fn short(cell: Cell) -> String {
    let mut short = match cell.only_asks() {
        true => ASKED.to_owned(),
        false => word(cell.step).to_owned(),
    };
    for (sign, applies) in [
        (ANNOUNCED, cell.is_announced()),
        (ELSEWHERE, cell.begins_elsewhere),
    ] {
        if applies {
            short.push(' ');
            short += sign;
        }
    }
    short
}

/// The event within its group, whose words say the rest.
fn event_in_group(event: SourceEvent) -> String {
    match event {
        SourceEvent::Observation(status)
        | SourceEvent::Report(status)
        | SourceEvent::Narrative(status) => status.to_owned(),
        SourceEvent::SameAgain => "the same evidence".to_owned(),
        SourceEvent::OtherValue => "another value, still final".to_owned(),
        SourceEvent::AmendedValue => "another value, amended".to_owned(),
        SourceEvent::CorrectedValue => "another value, corrected".to_owned(),
        event => event.words(),
    }
}

fn text() -> String {
    let events = SourceEvent::all();
    let first = (events.iter().map(|event| event_in_group(*event)))
        .map(|words| words.chars().count())
        .max()
        .unwrap_or_default();
    let columns = ResultState::ALL.map(|state| {
        (events.iter().map(|event| short(event.cell(state))))
            .chain([state.name().to_owned()])
            .map(|words| words.chars().count())
            .max()
            .unwrap_or_default()
    });
    let names = ResultState::ALL.map(|state| state.name().to_owned());
    let line = |event: &str, cells: [String; 5]| {
        let cells = (cells.iter().zip(columns)).map(|(cell, column)| format!("{cell:<column$}"));
        let line = format!(
            "   {event:<first$}  {}",
            cells.collect::<Vec<_>>().join("  ")
        );
        line.trim_end().to_owned()
    };
    let mut page = vec![TITLE.to_owned(), String::new()];
    page.extend(wrapped(INTRODUCTION, PAGE_WIDTH, "", ""));
    page.extend([String::new(), line(EVENT, names)]);
    for group in Group::ALL {
        page.extend([String::new(), format!(" {}", group.words())]);
        page.extend((group.events().into_iter()).map(|event| {
            line(
                &event_in_group(event),
                ResultState::ALL.map(|state| short(event.cell(state))),
            )
        }));
    }
    page.extend([String::new(), "Columns".to_owned(), String::new()]);
    for (state, meaning) in ResultState::ALL.into_iter().zip(STATES) {
        page.extend(entry(state.name(), meaning));
    }
    page.extend([String::new(), "Cells".to_owned(), String::new()]);
    for (word, meaning) in legend() {
        page.extend(entry(word, &meaning));
    }
    page.push(String::new());
    page.join("\n")
}

/// A word with what it stands for beside it.
fn entry(word: &str, meaning: &str) -> Vec<String> {
    const WIDTH: usize = 19;
    let rest = " ".repeat(WIDTH);
    wrapped(
        meaning,
        PAGE_WIDTH,
        &format!("{:<WIDTH$}", format!(" {word}")),
        &rest,
    )
}

fn markdown() -> String {
    let mut page = format!("# {TITLE}\n\n{INTRODUCTION}\n\n");
    for (state, meaning) in ResultState::ALL.into_iter().zip(STATES) {
        let _ = writeln!(page, "- **{}**: {}", state.name(), escaped(meaning));
    }
    for group in Group::ALL {
        let states = ResultState::ALL.map(ResultState::name).join(" | ");
        let _ = writeln!(page, "\n## {}\n\n| {EVENT} | {states} |", group.words());
        let _ = writeln!(page, "|{}", " --- |".repeat(ResultState::ALL.len() + 1));
        for event in group.events() {
            let cells = ResultState::ALL.map(|state| escaped(&event.cell(state).words()));
            let event = escaped(&event_in_group(event));
            let _ = writeln!(page, "| {event} | {} |", cells.join(" | "));
        }
    }
    page
}

fn csv() -> String {
    let record = |fields: Vec<String>| {
        let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
        fields.join(",") + "\n"
    };
    let states = ResultState::ALL.map(|state| state.name().replace([' ', '-'], "_"));
    let header = ["group", EVENT]
        .map(str::to_owned)
        .into_iter()
        .chain(states);
    let rows = SourceEvent::all().into_iter().map(|event| {
        let cells = ResultState::ALL.map(|state| event.cell(state).words());
        let named = [event.group().words().to_owned(), event.words()];
        record(named.into_iter().chain(cells).collect())
    });
    std::iter::once(record(header.collect()))
        .chain(rows)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_word_in_the_text_stands_for_one_thing() {
        let mut words: BTreeMap<String, String> = BTreeMap::new();
        let mut known = legend().into_iter().map(|(word, _)| word);
        for event in SourceEvent::all() {
            for cell in ResultState::ALL.map(|state| event.cell(state)) {
                let said = words.entry(short(cell)).or_insert_with(|| cell.words());
                assert_eq!(*said, cell.words());
            }
        }
        for word in words.keys().flat_map(|short| short.split(' ')) {
            assert!(known.clone().any(|it| it == word), "{word}");
        }
        assert!(known.all(|word| {
            words
                .keys()
                .any(|short| short.split(' ').any(|it| it == word))
        }));
    }

    #[test]
    fn the_text_fits_a_terminal() {
        for line in text().lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
