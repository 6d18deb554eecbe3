//! One case by two editions, so that a reader sees what differs between them.

use super::explained::groups;
use super::{Format, NOTHING, PAGE_WIDTH, escaped, printable, wrapped};
use crate::her2::reason::Reason;
use crate::pipeline::CaseResult;

/// Marks a row whose cells differ.
const DIFFERS: &str = "≠";

/// Columns of mark, label, and the gaps between columns, in text.
const MARK_WIDTH: usize = 2;
const LABEL_WIDTH: usize = 13;
const GAP: usize = 2;
const CELL_WIDTH: usize = (PAGE_WIDTH - MARK_WIDTH - LABEL_WIDTH - GAP) / 2;

/// The same case by two editions in two columns, in text of 100 columns or as a table of Markdown. It ends with a line
/// break. As with a single case, CSV is text.
pub fn side_by_side(left: &CaseResult, right: &CaseResult, format: Format) -> String {
    let rows = rows(left, right);
    let verdict = verdict(left, right);
    match format {
        Format::Text | Format::Csv => as_text(&rows, &verdict),
        Format::Markdown => {
            let title = format!("{} and {}", left.edition.id(), right.edition.id());
            as_markdown(&title, &rows, &verdict)
        }
    }
}

/// What one edition says beside what the other says about the same.
struct Row {
    label: &'static str,
    left: String,
    right: String,
}

impl Row {
    fn differs(&self) -> bool {
        self.left != self.right
    }
}

/// What matters first: whether the status is another one.
fn verdict(left: &CaseResult, right: &CaseResult) -> String {
    let (old, new) = (left.decision.status, right.decision.status);
    if old == new {
        return format!("By both editions the status is {}.", new.name());
    }
    format!(
        "The status differs: {} by {}, {} by {}.",
        old.name(),
        left.edition.id(),
        new.name(),
        right.edition.id()
    )
}

/// The first row names the editions; the others are compared.
fn rows(left: &CaseResult, right: &CaseResult) -> Vec<Row> {
    let row = |label, cell: fn(&CaseResult) -> String| Row {
        label,
        left: cell(left),
        right: cell(right),
    };
    vec![
        row("", |case| {
            format!("{}, {}", case.edition.id(), case.edition_choice)
        }),
        row("status", |case| case.decision.status.name().to_owned()),
        row("category", |case| case.decision.category.name().to_owned()),
        row("ISH group", |case| groups(&case.decision)),
        row("next action", |case| {
            case.decision.next_action.name().to_owned()
        }),
        row("rule", |case| case.decision.rule.to_string()),
        row("review", |case| {
            codes(case.decision.review.iter().map(|item| item.code.name()))
        }),
        row("warnings", |case| {
            let warnings = case.decision.warnings.iter();
            codes(warnings.map(|remark| remark.code.name()))
        }),
        row("decided by", |case| deciding(&case.decision.reasons)),
    ]
}

fn codes<'c>(codes: impl Iterator<Item = &'c str>) -> String {
    let mut codes: Vec<&str> = codes.collect();
    codes.dedup();
    if codes.is_empty() {
        return NOTHING.to_owned();
    }
    codes.join(", ")
}

/// The sentence that settles the case, not what follows from the answer.
fn deciding(reasons: &[Reason]) -> String {
    let sentences: Vec<String> = (reasons.iter())
        .filter(|reason| {
            !matches!(
                reason,
                Reason::Groups(_) | Reason::Comment(_) | Reason::Category(_) | Reason::Next(_)
            )
        })
        .map(ToString::to_string)
        .filter(|sentence| !sentence.is_empty())
        .collect();
    if sentences.is_empty() {
        return NOTHING.to_owned();
    }
    sentences.join(" ")
}

fn as_text(rows: &[Row], verdict: &str) -> String {
    let mut page = wrapped(
        &format!("{verdict} {DIFFERS} marks what differs."),
        PAGE_WIDTH,
        "",
        "  ",
    );
    page.push(String::new());
    for (index, row) in rows.iter().enumerate() {
        let mark = if index > 0 && row.differs() {
            DIFFERS
        } else {
            ""
        };
        let (left, right) = (cell_lines(&row.left), cell_lines(&row.right));
        for line in 0..left.len().max(right.len()) {
            let (mark, label) = if line == 0 {
                (mark, row.label)
            } else {
                ("", "")
            };
            let cell = |lines: &[String]| lines.get(line).cloned().unwrap_or_default();
            let text = format!(
                "{mark:<MARK_WIDTH$}{label:<LABEL_WIDTH$}{:<CELL_WIDTH$}{:GAP$}{}",
                cell(&left),
                "",
                cell(&right)
            );
            page.push(text.trim_end().to_owned());
        }
        if index == 0 {
            page.push(String::new());
        }
    }
    page.push(String::new());
    page.join("\n")
}

/// A text in lines of a cell. A word that is longer, as a rule id may be, breaks behind a slash, else where the cell ends.
fn cell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrapped(&printable(text), CELL_WIDTH, "", "") {
        let mut rest: Vec<char> = line.chars().collect();
        while rest.len() > CELL_WIDTH {
            let slash = (rest.iter().take(CELL_WIDTH)).rposition(|character| *character == '/');
            let further = rest.split_off(slash.map_or(CELL_WIDTH, |slash| slash + 1));
            lines.push(rest.into_iter().collect());
            rest = further;
        }
        lines.push(rest.into_iter().collect());
    }
    lines
}

fn as_markdown(title: &str, rows: &[Row], verdict: &str) -> String {
    let mut page = format!(
        "### {} side by side\n\n{}\n\n",
        escaped(title),
        escaped(verdict)
    );
    for (index, row) in rows.iter().enumerate() {
        let (left, right) = (escaped(&row.left), escaped(&row.right));
        let mark = match index {
            0 => "differs",
            _ if row.differs() => DIFFERS,
            _ => "",
        };
        page += &format!("| {} | {left} | {right} | {mark} |\n", row.label);
        if index == 0 {
            page += "| --- | --- | --- | --- |\n";
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::her2::decision::{Category, Decision, Group, NextAction, Status};
    use crate::her2::evidence::{Evidence, JoinedBy, Score, Site, SiteFinding};
    use crate::her2::guideline::{Dual, Edition, Ihc, Ish, Level, Recount, Rule};
    use crate::pipeline::edition::Choice;

    fn case(edition: Edition, edition_choice: Choice, decision: Decision) -> CaseResult {
        CaseResult {
            id: "case-0123456789abcdef0123456789abcdef".to_owned(),
            subject: None,
            tissue: None,
            edition,
            edition_choice,
            reported_on: None,
            evidence: Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen),
            decision,
            inputs: BTreeSet::new(),
            excluded: BTreeSet::new(),
            related: Vec::new(),
            summarises: Vec::new(),
            fingerprint: String::new(),
            content: String::new(),
            essence: String::new(),
        }
    }

    fn by_2018() -> CaseResult {
        let sentence = "Dual-probe group 2 with IHC 0 or 1+ is HER2 negative, with a comment.";
        let decision = Decision {
            status: Status::Negative,
            category: Category::Low,
            ish_group: Some(Group::Two),
            recount_group: None,
            adjudicated_group: None,
            score: None,
            next_action: NextAction::None,
            rule: Rule::Row(
                Edition::AscoCap2018,
                Ihc::Score(Score::OnePlus),
                Ish::Dual(
                    Dual {
                        ratio: Level::High,
                        copies: Level::Low,
                    },
                    Recount::NotDone,
                ),
            ),
            reasons: vec![
                Reason::Rule {
                    sentence,
                    source: "Figure 4",
                },
                Reason::Category(Category::Low),
            ],
            review: Vec::new(),
            warnings: Vec::new(),
        };
        case(Edition::AscoCap2018, Choice::Site, decision)
    }

    fn by_2013() -> CaseResult {
        let sentence = "A ratio of 2.0 or more is HER2 positive, whatever the copies.";
        let decision = Decision {
            status: Status::Positive,
            category: Category::Positive,
            ish_group: None,
            rule: Rule::Convention(Edition::AscoCap2013, "a-row-with-a-name/longer-than-a-cell"),
            reasons: vec![Reason::Rule {
                sentence,
                source: "Figure 3",
            }],
            ..by_2018().decision
        };
        case(Edition::AscoCap2013, Choice::CommandLine, decision)
    }

    #[test]
    fn two_editions_stand_in_two_columns_and_what_differs_is_marked() {
        let expected = "\
The status differs: negative by asco-cap-2018, positive by asco-cap-2013. ≠ marks what differs.

               asco-cap-2018, chosen by the primary site  asco-cap-2013, chosen on the command line

≠ status       negative                                   positive
≠ category     low                                        positive
≠ ISH group    group 2                                    –
  next action  none                                       none
≠ rule         asco-cap-2018/dual/group-2/ihc-1+          asco-cap-2013/convention/
                                                          a-row-with-a-name/longer-than-a-cell
  review       –                                          –
  warnings     –                                          –
≠ decided by   Dual-probe group 2 with IHC 0 or 1+ is     A ratio of 2.0 or more is HER2 positive,
               HER2 negative, with a comment. [Figure 4]  whatever the copies. [Figure 3]
";
        let page = side_by_side(&by_2018(), &by_2013(), Format::Text);
        assert_eq!(page, expected);
        assert!(page.lines().all(|line| line.chars().count() <= PAGE_WIDTH));
    }

    #[test]
    fn markdown_is_one_table() {
        let page = side_by_side(&by_2018(), &by_2013(), Format::Markdown);
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
        assert!(page.starts_with("### asco-cap-2018 and asco-cap-2013 side by side\n"));
        assert!(rows.contains(&"| status | negative | positive | ≠ |"));
        assert!(rows.contains(&"| next action | none | none |  |"));
        assert_eq!(rows.len(), 10);
    }

    #[test]
    fn the_same_status_is_said_to_be_the_same() {
        let page = side_by_side(&by_2018(), &by_2018(), Format::Text);
        assert!(page.starts_with("By both editions the status is negative."));
        assert!(page.lines().skip(1).all(|line| !line.contains(DIFFERS)));
    }
}
