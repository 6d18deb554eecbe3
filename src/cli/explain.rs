//! What `explain` prints, from files and from a server alike.

use std::collections::BTreeMap;

use anyhow::Result;

use super::ExplainFormat;
use crate::fhir::pool::Pool;
use crate::pipeline::record::DecisionRecord;
use crate::pipeline::{CaseResult, Rules, derive};
use crate::render;
use crate::service::output::print;

/// Each case as a record or a page. Where the command line asks for an edition, a page ends with what the settings alone
/// make of the case, if that is by another edition.
pub(super) fn print_explained(
    cases: &[&CaseResult],
    pool: &Pool<'_>,
    rules: &Rules,
    format: ExplainFormat,
) -> Result<()> {
    match format {
        ExplainFormat::Json => {
            let records: Vec<DecisionRecord> =
                cases.iter().map(|case| DecisionRecord::of(case)).collect();
            print(&format!("{}\n", serde_json::to_string_pretty(&records)?))?;
        }
        ExplainFormat::Ndjson => {
            for case in cases {
                print(&format!("{}\n", DecisionRecord::of(case).to_json()?))?;
            }
        }
        ExplainFormat::Text => print_pages(cases, pool, rules, render::Format::Text)?,
        ExplainFormat::Markdown => print_pages(cases, pool, rules, render::Format::Markdown)?,
    }
    Ok(())
}

fn print_pages(
    cases: &[&CaseResult],
    pool: &Pool<'_>,
    rules: &Rules,
    format: render::Format,
) -> Result<()> {
    let by_settings = by_settings(pool, rules);
    for case in cases {
        print(&format!("{}\n", render::explained(case, format)))?;
        let other = (by_settings.get(&case.id)).filter(|other| other.edition != case.edition);
        if let Some(other) = other {
            print(&format!("{}\n", render::side_by_side(other, case, format)))?;
        }
    }
    Ok(())
}

/// The cases by their ids as the settings alone decide them; none where the command line asks for no edition.
fn by_settings(pool: &Pool<'_>, rules: &Rules) -> BTreeMap<String, CaseResult> {
    if rules.guidelines.chosen.is_none() {
        return BTreeMap::new();
    }
    let derived = derive(pool, &rules.of_settings());
    (derived.cases.into_iter())
        .map(|case| (case.id.clone(), case))
        .collect()
}
