//! The history of a case: each version of its result, what it rests on, and who has signed or rejected it.

use std::fmt::Write as _;

use super::{Format, PAGE_WIDTH, escaped, printable, wrapped};
use crate::pipeline::history::{CaseHistory, VersionOfResult};
use crate::pipeline::results::answer_in_words;

/// The versions of a case's result, oldest first, in text or Markdown; `most` of the newest ones. It ends with a line break.
pub fn history(history: &CaseHistory, most: usize, format: Format) -> String {
    let left_out = history.versions.len().saturating_sub(most);
    let mut page = String::new();
    let title = format!("History of {}", history.case);
    match format {
        Format::Text | Format::Csv => {
            let _ = writeln!(page, "{}", printable(&title));
            if left_out > 0 {
                let _ = writeln!(page, "  {left_out} earlier versions");
            }
        }
        Format::Markdown => {
            let _ = writeln!(page, "### {}\n", escaped(&title));
            if left_out > 0 {
                let _ = writeln!(page, "- {left_out} earlier versions");
            }
        }
    }
    if history.versions.is_empty() {
        let nothing = "no version of its result was written";
        let bullet = if format == Format::Markdown { "-" } else { " " };
        let _ = writeln!(page, "{bullet} {nothing}");
    }
    for version in history.versions.iter().skip(left_out) {
        let (head, details) = (head_of(version), details_of(version));
        match format {
            Format::Text | Format::Csv => {
                for line in wrapped(&printable(&head), PAGE_WIDTH, "  ", "      ") {
                    let _ = writeln!(page, "{line}");
                }
                for detail in details {
                    for line in wrapped(&printable(&detail), PAGE_WIDTH, "      ", "        ") {
                        let _ = writeln!(page, "{line}");
                    }
                }
            }
            Format::Markdown => {
                let _ = writeln!(page, "- {}", escaped(&head));
                for detail in details {
                    let _ = writeln!(page, "  - {}", escaped(&detail));
                }
            }
        }
    }
    page
}

fn head_of(version: &VersionOfResult) -> String {
    let number = version.version.as_deref().unwrap_or("not known");
    let answer = answer_in_words(&version.status, &version.category);
    let issued = (version.issued.as_ref()).map_or(String::new(), |at| format!(" · {at}"));
    format!(
        "version {number} · {} · HER2 {answer}{issued}",
        version.observation_status
    )
}

fn details_of(version: &VersionOfResult) -> Vec<String> {
    let mut details = Vec::new();
    details.extend(
        (version.rule.as_ref())
            .map(|rule| format!("rule {rule}"))
            .or_else(|| (version.guideline.as_ref()).map(|edition| format!("edition {edition}"))),
    );
    if !version.sources.is_empty() {
        details.push(format!("from {}", sources(&version.sources)));
    }
    details.extend((version.replaces.as_ref()).map(|it| format!("replaces version {it}")));
    let by_task = (version.task.as_ref()).map_or(String::new(), |task| format!(", by {task}"));
    details
        .extend((version.signed_by.as_ref()).map(|signer| format!("signed by {signer}{by_task}")));
    details.extend((version.rejected_because.as_ref()).map(|reason| {
        let by = (version.rejected_by.as_deref()).unwrap_or("somebody who is not named");
        format!("rejected by {by}{by_task}: {reason}")
    }));
    details.extend(version.confirmed.iter().map(|confirmed| {
        let at = confirmed.at.as_deref().unwrap_or("later");
        format!("confirmed {at} from {}", sources(&confirmed.sources))
    }));
    details
}

/// `Observation/o version 2, …`
fn sources(sources: &[String]) -> String {
    let named: Vec<String> = (sources.iter())
        .map(|source| source.replacen("/_history/", " version ", 1))
        .collect();
    named.join(", ")
}
