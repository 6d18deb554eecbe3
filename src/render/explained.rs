//! One case as a person checks it: the answer, what was read, what follows and why, what to do, what is open.

use std::fmt::Write as _;

use super::{Format, NOTHING, PAGE_WIDTH, escaped, printable, wrapped};
use crate::her2::decision::{Category, Decision, NextAction};
use crate::her2::evidence::{
    Evidence, Fixative, Handling, IhcFinding, IhcResult, IshResult, Origin, SiteFinding,
};
use crate::her2::reason::{Reason, ihc_read, ish_read};
use crate::pipeline::CaseResult;

/// One case with everything a person needs to check it, in text wrapped at 100 columns, or as a section of Markdown.
/// It ends with a line break. A single case has no form in columns: CSV is text.
pub fn explained(case: &CaseResult, format: Format) -> String {
    let mut title = vec![headline(&case.decision), case.id.clone()];
    title.extend(case.tissue.clone());
    let title = title.join(" · ");
    let statements = statements(case);
    match format {
        Format::Text | Format::Csv => as_text(&title, &statements),
        Format::Markdown => as_markdown(&title, &statements),
    }
}

/// One case on one line of a list: id, status, category, ISH group, next action and review codes, in fixed columns.
pub fn one_line(case: &CaseResult) -> String {
    let decision = &case.decision;
    let mut codes: Vec<&str> = (decision.review.iter())
        .map(|item| item.code.name())
        .collect();
    codes.dedup();
    let review = if codes.is_empty() {
        NOTHING.to_owned()
    } else {
        codes.join(", ")
    };
    format!(
        "{id:<37}  {status:<13}  {category:<16}  {group:<11}  {action:<18}  {review}",
        id = printable(&case.id),
        status = decision.status.name(),
        category = decision.category.name(),
        group = groups(decision),
        action = decision.next_action.name(),
    )
}

/// The group of the count, then those of recount and adjudication where there are any: `group 4/5/4`.
pub(super) fn groups(decision: &Decision) -> String {
    let counts = [
        decision.ish_group,
        decision.recount_group,
        decision.adjudicated_group,
    ];
    let Some(last) = counts.iter().rposition(Option::is_some) else {
        return NOTHING.to_owned();
    };
    let numbers: Vec<String> = (counts.iter().take(last + 1))
        .map(|group| group.map_or("?".to_owned(), |group| group.number().to_string()))
        .collect();
    format!("group {}", numbers.join("/"))
}

/// Sources left out are many where a report is mostly about something else; the decision record has them all.
const MOST_LEFT_OUT: usize = 5;

/// One statement about the case.
struct Statement {
    /// What kind of statement; several of one kind follow each other.
    label: &'static str,
    /// The code of a closed list that it is about.
    code: Option<&'static str>,
    text: String,
}

impl Statement {
    fn new(label: &'static str, text: impl Into<String>) -> Self {
        Self {
            label,
            code: None,
            text: text.into(),
        }
    }

    fn coded(label: &'static str, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::new(label, text)
        }
    }
}

fn headline(decision: &Decision) -> String {
    let kind = match decision.category {
        Category::Low => " (HER2-low)",
        Category::Ultralow => " (HER2-ultralow)",
        Category::Null => " (HER2-null)",
        Category::ZeroUnspecified => " (IHC 0, null or ultralow not stated)",
        Category::Positive | Category::Equivocal | Category::None => "",
    };
    format!("HER2 {}{kind}", decision.status.name().to_uppercase())
}

/// Everything there is to say, in the order in which it is read.
fn statements(case: &CaseResult) -> Vec<Statement> {
    let mut statements = vec![
        Statement::new("Tumour", tumour(&case.evidence)),
        Statement::new(
            "Edition",
            format!("{}; {}", case.edition.title(), case.edition_choice),
        ),
    ];
    statements.extend(tissue(&case.evidence.handling));
    if !case.is_patient_view() {
        statements.extend(read(&case.evidence));
    }
    statements.extend(reasoned(&case.decision));
    statements.extend(case.decision.review.iter().map(|item| {
        let source = (item.source.as_ref()).map_or(String::new(), |source| format!(" ({source})"));
        Statement::coded(
            "Review",
            item.code.name(),
            format!("{}{source}", item.detail),
        )
    }));
    statements.extend(
        (case.decision.warnings.iter())
            .map(|remark| Statement::coded("Warning", remark.code.name(), remark.detail.clone())),
    );
    statements
        .extend((case.related.iter()).map(|related| {
            Statement::new("Related", format!("{}: {}", related.case, related.why))
        }));
    statements.extend(left_out(case));
    statements
}

fn tumour(evidence: &Evidence) -> String {
    let site = match evidence.site {
        SiteFinding::Known(site) => site.name(),
        SiteFinding::Unknown => "not known",
        SiteFinding::Disputed => "disputed",
    };
    format!(
        "primary site {site}; evidence joined by {}",
        evidence.joined_by.name()
    )
}

/// What is known of the tissue itself, in one statement.
fn tissue(handling: &Handling) -> Option<Statement> {
    let mut known = Vec::new();
    known.extend(handling.sample.map(|sample| sample.name().to_owned()));
    known.extend(handling.fixative.map(|fixative| match fixative {
        Fixative::Formalin => "fixed in formalin".to_owned(),
        Fixative::Other => "not fixed in formalin".to_owned(),
    }));
    if let Some(hours) = &handling.fixation_hours {
        known.push(format!("fixation {hours} h"));
    }
    if let Some(minutes) = &handling.cold_ischemia_minutes {
        known.push(format!("cold ischaemia {minutes} min"));
    }
    known.extend(handling.decalcified.map(|decalcified| {
        let word = if decalcified { "" } else { "not " };
        format!("{word}decalcified")
    }));
    known.extend((handling.histology).map(|histology| format!("{} carcinoma", histology.name())));
    known.extend(handling.grade.map(|grade| format!("grade {grade}")));
    known.extend((handling.of_metastasis).then(|| "of a metastasis".to_owned()));
    (!known.is_empty()).then(|| Statement::new("Tissue", format!("{}.", known.join(", "))))
}

/// What was read, and what the senders say about it.
fn read(evidence: &Evidence) -> Vec<Statement> {
    let mut read = Vec::new();
    read.extend(
        (evidence.ihc.iter()).map(|result| with_details(&ihc_read(result), &ihc_details(result))),
    );
    read.extend(
        (evidence.ish.iter()).map(|result| with_details(&ish_read(result), &ish_details(result))),
    );
    if read.is_empty() {
        read.push(Statement::new("Read", "no IHC and no ISH result."));
    }
    read.extend((evidence.reported.iter()).map(|status| {
        let stated = format!("HER2 {} overall ({}).", status.value.name(), status.source);
        Statement::new("Stated", stated)
    }));
    read
}

fn with_details(result: &str, details: &[String]) -> Statement {
    if details.is_empty() {
        Statement::new("Read", result)
    } else {
        Statement::new("Read", format!("{result} Also: {}.", details.join(", ")))
    }
}

/// What the sentence about a result leaves unsaid.
fn ihc_details(result: &IhcResult) -> Vec<String> {
    let mut details = Vec::new();
    if let (IhcFinding::Score(_), Some(word)) = (result.finding, result.interpretation) {
        details.push(format!("stated as {}", word.name()));
    }
    if let Some(percent) = &result.intense_percent {
        details.push(format!(
            "{percent} % of cells with uniform intense staining"
        ));
    }
    if let Some(present) = result.staining_present {
        details.push(format!(
            "staining {}",
            if present { "present" } else { "absent" }
        ));
    }
    details.extend(written_as_text(result.origin));
    details
}

/// What the sentence about a result leaves unsaid.
fn ish_details(result: &IshResult) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(ratio) = result.derived_ratio() {
        details.push(format!("ratio from the copies {ratio}"));
    }
    details.extend(written_as_text(result.origin));
    details
}

fn written_as_text(origin: Origin) -> Option<String> {
    (origin != Origin::Coded).then(|| format!("read from {}", origin.name()))
}

/// What follows and why, and what to do.
fn reasoned(decision: &Decision) -> Vec<Statement> {
    let mut counts = Vec::new();
    let mut follows = Vec::new();
    let mut further = Vec::new();
    for reason in &decision.reasons {
        let sentence = reason.to_string();
        match reason {
            _ if sentence.is_empty() => {}
            Reason::Groups(_) => counts.push(Statement::new("Follows", sentence)),
            Reason::Comment(_) => further.push(labelled("Comment", &sentence)),
            Reason::Category(_) => further.push(Statement::new("Category", sentence)),
            Reason::Next(action) => further.push(next_step(*action, &sentence, decision)),
            _ => follows.push(Statement::new("Follows", sentence)),
        }
    }
    for (count, group) in [
        ("The recount", decision.recount_group),
        ("The adjudicated result", decision.adjudicated_group),
    ] {
        let sentence =
            group.map(|group| format!("{count} is dual-probe group {}.", group.number()));
        counts.extend(sentence.map(|sentence| Statement::new("Follows", sentence)));
    }
    let rule = Statement::new("Rule", decision.rule.to_string());
    counts
        .into_iter()
        .chain(follows)
        .chain([rule])
        .chain(further)
        .collect()
}

/// Without a test to ask for there may still be a question.
fn next_step(action: NextAction, sentence: &str, decision: &Decision) -> Statement {
    if action != NextAction::None {
        return Statement {
            code: Some(action.name()),
            ..labelled("Next", sentence)
        };
    }
    let sentence = if decision.review.is_empty() {
        sentence
    } else {
        "No test is asked for; the review items are open."
    };
    Statement::new("Next", sentence)
}

/// A sentence that begins with its label says it once.
fn labelled(label: &'static str, sentence: &str) -> Statement {
    let text = sentence
        .strip_prefix(label)
        .and_then(|rest| rest.strip_prefix(": "));
    Statement::new(label, text.unwrap_or(sentence))
}

fn left_out(case: &CaseResult) -> Vec<Statement> {
    let mut left_out: Vec<Statement> = (case.excluded.iter().take(MOST_LEFT_OUT))
        .map(|excluded| {
            Statement::new("Left out", format!("{}: {}", excluded.source, excluded.why))
        })
        .collect();
    let untold = case.excluded.len().saturating_sub(MOST_LEFT_OUT);
    if untold > 0 {
        left_out.push(Statement::new(
            "Left out",
            format!("{untold} more, in the decision record"),
        ));
    }
    left_out
}

/// Labels in a column of their own, each before the first of its statements.
fn as_text(title: &str, statements: &[Statement]) -> String {
    let mut page = wrapped(&printable(title), PAGE_WIDTH, "", "  ");
    page.push(String::new());
    let mut label = "";
    for statement in statements {
        let shown = if statement.label == label {
            ""
        } else {
            statement.label
        };
        label = statement.label;
        let code = statement
            .code
            .map_or(String::new(), |code| format!("{code}: "));
        let text = printable(&format!("{code}{}", statement.text));
        let (first, rest) = (format!("{shown:<8}  "), " ".repeat(12));
        page.extend(wrapped(&text, PAGE_WIDTH, &first, &rest));
    }
    page.push(String::new());
    page.join("\n")
}

fn as_markdown(title: &str, statements: &[Statement]) -> String {
    let mut page = format!("## {}\n\n", escaped(title));
    for Statement { label, code, text } in statements {
        let code = code.map_or(String::new(), |code| format!(" `{code}`:"));
        let _ = writeln!(page, "- **{label}**{code} {}", escaped(text));
    }
    page
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
