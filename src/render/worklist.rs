//! The worklist at a terminal: Tasks in fixed columns, and what a person looks at before answering one.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::{Format, NOTHING, PAGE_WIDTH, printable, wrapped};
use crate::pipeline::results::answer_in_words;
use crate::pipeline::worklist::{Asked, Shown};

/// Versions of the history that are shown beside a question.
const LAST_VERSIONS: usize = 3;

/// One line for each Task. Nothing in it names a patient or quotes a report.
pub fn worklist(tasks: &[Asked], now: DateTime<Utc>) -> String {
    let heads = [
        "task",
        "asks",
        "why",
        "case",
        "task status",
        "result",
        "specimen",
        "due",
        "age",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(tasks.iter().map(|asked| {
        let or_nothing =
            |text: &Option<String>| text.as_deref().map_or(NOTHING.to_owned(), printable);
        let age = asked.age_in_days(now);
        [
            printable(&asked.task),
            printable(&asked.code),
            printable(&asked.reason),
            or_nothing(&asked.case),
            printable(&asked.task_status),
            result_of(asked),
            or_nothing(&asked.specimen),
            or_nothing(&asked.due),
            age.map_or(NOTHING.to_owned(), |days| format!("{days} d")),
        ]
    }));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut page = String::new();
    for row in &rows {
        let cells: Vec<String> = (row.iter().zip(&widths))
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(page, "{}", cells.join("  ").trim_end());
    }
    page
}

/// `negative (low)`
fn result_of(asked: &Asked) -> String {
    let category = asked.category.as_deref().unwrap_or_default();
    (asked.status.as_ref()).map_or(NOTHING.to_owned(), |status| {
        printable(&answer_in_words(status, category))
    })
}

/// What is asked, the record as `explain` has it, what would be signed, what is open, and the last versions.
pub fn shown(shown: &Shown) -> String {
    let mut page = String::new();
    if let Some((asked, description)) = &shown.asked {
        let due = (asked.due.as_ref()).map_or(String::new(), |due| format!(", due {due}"));
        let head = format!(
            "{} · {} ({}) · {}{due}",
            asked.task, asked.code, asked.reason, asked.task_status
        );
        let _ = writeln!(page, "{}", printable(&head));
        for line in wrapped(&printable(description), PAGE_WIDTH, "  ", "  ") {
            let _ = writeln!(page, "{line}");
        }
        page.push('\n');
    }
    match &shown.case {
        Some(case) => {
            let _ = writeln!(page, "{}", super::explained(case, Format::Text));
        }
        None => page.push_str("There is no evidence of a case to be shown.\n\n"),
    }
    if let Some(result) = &shown.result {
        let _ = write!(
            page,
            "Result    version {} stands, {}",
            result.version, result.observation_status
        );
        page.push_str(match (result.is_due, &result.sign_off) {
            (true, _) => "; its evidence gives another one now, so a pass is due\n",
            (false, Some(_)) => "; it is what `accept` and `reject` are about\n",
            (false, None) => "; nobody is asked to sign it\n",
        });
        if let Some(due) = result.reflex_due {
            let _ = writeln!(page, "Reflex    in situ hybridisation is due by {due}");
        }
        for question in &result.open_questions {
            let _ = writeln!(page, "Open      {}", printable(question));
        }
        page.push('\n');
    }
    if let Some(history) = &shown.history {
        page.push_str(&super::history(history, LAST_VERSIONS, Format::Text));
    }
    page
}
