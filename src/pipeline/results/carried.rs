//! What a result takes over from the resources it was read from.

use std::collections::BTreeSet;

use her2_models::{Coding, Effective, Reference};

use super::Composer;
use super::parts::reference_to_one_of;
use crate::fhir::candidates::RELATED_CONDITION;
use crate::fhir::dates::{Date, Precision};
use crate::fhir::elements::Reference as RawReference;
use crate::fhir::json::Json;
use crate::fhir::pool::{Pool, Resource};
use crate::pipeline::CaseResult;

impl Composer<'_> {
    /// The specimen's collection, else the period of the evidence; with the precision of its least precise end.
    pub(super) fn effective(&self) -> Option<(Effective, Precision)> {
        let collection = self
            .case
            .tissue
            .as_deref()
            .and_then(|key| self.pool.get(key))
            .and_then(|specimen| specimen.json.get("collection"));
        if let Some(date) = collection
            .and_then(|collection| collection.text_at("collectedDateTime"))
            .and_then(Date::parse)
        {
            return Some((
                Effective::DateTime(date.text().to_owned()),
                date.precision(),
            ));
        }
        if let Some(period) = collection.and_then(|collection| collection.get("collectedPeriod")) {
            let end = |key| period.text_at(key).and_then(Date::parse);
            let (start, end) = (end("start"), end("end"));
            let text = |date: Option<Date>| date.map(|date| date.text().to_owned());
            if let Some(precision) = start.iter().chain(&end).map(Date::precision).min() {
                return Some((
                    Effective::Period {
                        start: text(start),
                        end: text(end),
                    },
                    precision,
                ));
            }
        }
        let mut dates: Vec<Date> = inputs(self.case, self.pool)
            .flat_map(|resource| {
                let json = &resource.json;
                let period = json.get("effectivePeriod");
                [
                    json.text_at("effectiveDateTime"),
                    json.text_at("effectiveInstant"),
                    period.and_then(|period| period.text_at("start")),
                    period.and_then(|period| period.text_at("end")),
                ]
            })
            .flatten()
            .filter_map(Date::parse)
            .collect();
        dates.sort();
        dates.dedup();
        let precision = dates.iter().map(Date::precision).min()?;
        match dates.as_slice() {
            [] => None,
            [only] => Some((Effective::DateTime(only.text().to_owned()), precision)),
            [first, .., last] => Some((
                Effective::Period {
                    start: Some(first.text().to_owned()),
                    end: Some(last.text().to_owned()),
                },
                precision,
            )),
        }
    }

    /// References to resources of these types that the inputs have under a key, each once.
    pub(super) fn carried(&self, key: &str, kinds: &[&str]) -> Vec<Reference> {
        self.references(kinds, |json| RawReference::read_all(json, key))
    }

    /// The tumour Conditions that the inputs name by mCODE's extension, each once.
    pub(super) fn related_conditions(&self) -> Vec<Reference> {
        self.references(&["Condition"], |json| {
            json.items_at("extension")
                .iter()
                .filter(|extension| extension.text_at("url") == Some(RELATED_CONDITION))
                .filter_map(|extension| extension.get("valueReference").map(RawReference::read))
                .collect()
        })
    }

    /// The statuses of the inputs, and of the reports that name them.
    pub(super) fn source_statuses(&self) -> impl Iterator<Item = &str> {
        let own: BTreeSet<&str> = inputs(self.case, self.pool)
            .map(|input| input.key.split('#').next().unwrap_or_default())
            .collect();
        let names_one = move |report: &&Resource<'_>| {
            (RawReference::read_all(&report.json, "result").iter())
                .filter_map(|result| self.pool.key_of(result, "Observation", &report.key))
                .any(|key| own.contains(key.as_str()))
        };
        let reports = (self.pool.all())
            .filter(|resource| resource.kind == "DiagnosticReport")
            .filter(names_one);
        inputs(self.case, self.pool)
            .chain(reports)
            .filter_map(|resource| resource.json.text_at("status"))
    }

    fn references(
        &self,
        kinds: &[&str],
        read: impl for<'j, 'a> Fn(&'j Json<'a>) -> Vec<RawReference<'j>>,
    ) -> Vec<Reference> {
        let kind = kinds.first().copied().unwrap_or_default();
        let keys: BTreeSet<String> = inputs(self.case, self.pool)
            .flat_map(|resource| {
                read(&resource.json)
                    .into_iter()
                    .filter_map(|reference| self.pool.key_of(&reference, kind, &resource.key))
                    .collect::<Vec<_>>()
            })
            .collect();
        keys.iter()
            .filter_map(|key| reference_to_one_of(key, kinds))
            .collect()
    }
}

/// The union of the inputs' security labels.
pub(super) fn security(case: &CaseResult, pool: &Pool<'_>) -> Vec<Coding> {
    let mut labels: BTreeSet<(Option<&str>, &str, Option<&str>)> = BTreeSet::new();
    for resource in inputs(case, pool) {
        if let Some(meta) = resource.json.get("meta") {
            for label in meta.items_at("security") {
                if let Some(code) = label.text_at("code") {
                    labels.insert((label.text_at("system"), code, label.text_at("display")));
                }
            }
        }
    }
    labels
        .into_iter()
        .map(|(system, code, display)| Coding {
            system: system.map(str::to_owned),
            version: None,
            code: Some(code.to_owned()),
            display: display.map(str::to_owned),
        })
        .collect()
}

/// The resources that a case was read from.
fn inputs<'p>(case: &'p CaseResult, pool: &'p Pool<'p>) -> impl Iterator<Item = &'p Resource<'p>> {
    case.inputs
        .iter()
        .filter_map(|input| pool.get(&input.reference))
}
