//! What `explain` prints, from files and from a server alike.

use std::collections::BTreeMap;

use anyhow::Result;

use super::ExplainFormat;
use crate::fhir::pool::Pool;
use crate::pipeline::history::CaseHistory;
use crate::pipeline::record::DecisionRecord;
use crate::pipeline::{CaseResult, Rules, derive};
use crate::render;
use crate::service::output::print;

/// Prints cases, each as a record or a page. Where the command line asks for an edition, a page ends with what the
/// settings alone make of the case, if that is by another edition.
pub(super) struct Explaining<'r> {
    rules: &'r Rules,
    format: ExplainFormat,
    is_first: bool,
}

impl<'r> Explaining<'r> {
    pub(super) fn new(rules: &'r Rules, format: ExplainFormat) -> Self {
        Self {
            rules,
            format,
            is_first: true,
        }
    }

    /// Some cases of one pool.
    pub(super) fn print(&mut self, cases: &[&CaseResult], pool: &Pool<'_>) -> Result<()> {
        match self.format {
            ExplainFormat::Json => {
                for case in cases {
                    self.item(&serde_json::to_string_pretty(&DecisionRecord::of(case))?)?;
                }
            }
            ExplainFormat::Ndjson => {
                for case in cases {
                    print(&format!("{}\n", DecisionRecord::of(case).to_json()?))?;
                }
            }
            ExplainFormat::Text => self.pages(cases, pool, render::Format::Text)?,
            ExplainFormat::Markdown => self.pages(cases, pool, render::Format::Markdown)?,
        }
        Ok(())
    }

    /// What became of the last case; in JSON an object of its own, for the record has its closed form.
    pub(super) fn print_history(&mut self, history: &CaseHistory) -> Result<()> {
        match self.format {
            ExplainFormat::Json => self.item(&serde_json::to_string_pretty(history)?)?,
            ExplainFormat::Ndjson => print(&format!("{}\n", serde_json::to_string(history)?))?,
            ExplainFormat::Text => {
                print(&render::history(history, usize::MAX, render::Format::Text))?;
            }
            ExplainFormat::Markdown => print(&render::history(
                history,
                usize::MAX,
                render::Format::Markdown,
            ))?,
        }
        Ok(())
    }

    /// One more item of the JSON list.
    fn item(&mut self, text: &str) -> Result<()> {
        let before = if self.is_first { "[" } else { "," };
        print(&format!("{before}\n  {}", text.replace('\n', "\n  ")))?;
        self.is_first = false;
        Ok(())
    }

    /// There are no more.
    pub(super) fn finish(self) -> Result<()> {
        if self.format == ExplainFormat::Json {
            print(if self.is_first { "[]\n" } else { "\n]\n" })?;
        }
        Ok(())
    }

    fn pages(&self, cases: &[&CaseResult], pool: &Pool<'_>, format: render::Format) -> Result<()> {
        let by_settings = by_settings(pool, self.rules);
        for case in cases {
            print(&format!("{}\n", render::explained(case, format)))?;
            let other = (by_settings.get(&case.id)).filter(|other| other.edition != case.edition);
            if let Some(other) = other {
                print(&format!("{}\n", render::side_by_side(other, case, format)))?;
            }
        }
        Ok(())
    }
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
