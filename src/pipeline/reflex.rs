//! The in situ hybridisation that a score of 2+ needs (ASCO/CAP 2018: "must order reflex test"): when it is due by the
//! site's own limit, and whether its order was cancelled. Nothing here orders a test; a person is told.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use super::CaseResult;
use crate::fhir::elements::{Concept, Reference};
use crate::fhir::pool::{Pool, Resource};
use crate::fhir::tissue::Specimens;
use crate::her2::decision::NextAction;
use crate::her2::evidence::Source;
use crate::mapping::table::Mapping;

/// What a site wants of a reflex test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reflex {
    /// Days after the score was reported by which a result is due; `None` for no due date.
    pub due_days: Option<u32>,
    /// Who looks after one that is overdue or cancelled: a reference.
    pub owner: Option<String>,
}

/// Why somebody has to look after a reflex test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// Nothing was reported by this day.
    Overdue(NaiveDate),
    /// This order, or this Observation of the test, was cancelled.
    Cancelled(Source),
}

impl Reflex {
    /// The last day on which a reflex test of a case is not overdue; none where the case waits for no such test, or the
    /// site sets no limit, or nobody knows when the score was reported.
    pub fn due(&self, case: &CaseResult) -> Option<NaiveDate> {
        let waits = case.decision.next_action == NextAction::ReflexIsh;
        let reported = case.reported_on.filter(|_| waits)?;
        reported.checked_add_days(Days::new(self.due_days?.into()))
    }

    /// What is to be looked after today.
    pub fn concerns(
        &self,
        case: &CaseResult,
        pool: &Pool<'_>,
        mapping: &Mapping,
        today: NaiveDate,
    ) -> BTreeSet<Concern> {
        if case.decision.next_action != NextAction::ReflexIsh {
            return BTreeSet::new();
        }
        let overdue = self.due(case).filter(|due| *due < today);
        let mut concerns: BTreeSet<Concern> = overdue.map(Concern::Overdue).into_iter().collect();
        let cancelled = cancelled(case, pool, mapping);
        concerns.extend(cancelled.into_iter().map(Concern::Cancelled));
        concerns
    }
}

/// Orders and Observations of an ISH test of this case that were cancelled, unless another order of it is still open.
fn cancelled(case: &CaseResult, pool: &Pool<'_>, mapping: &Mapping) -> BTreeSet<Source> {
    let specimens = Specimens::read(pool);
    let orders: Vec<&Resource<'_>> = (pool.all())
        .filter(|resource| resource.kind == "ServiceRequest" && is_ish(resource, mapping))
        .filter(|order| is_of(order, case, pool, &specimens))
        .collect();
    let has_status =
        |resource: &Resource<'_>, status: &str| resource.json.text_at("status") == Some(status);
    if orders.iter().any(|order| has_status(order, "active")) {
        return BTreeSet::new();
    }
    let orders = (orders.into_iter()).filter(|order| has_status(order, "revoked"));
    let tests = (case.excluded.iter())
        .filter_map(|excluded| pool.get(&excluded.source.reference))
        .filter(|test| has_status(test, "cancelled") && is_ish(test, mapping));
    let source = |resource: &Resource<'_>| Source {
        reference: resource.key.clone(),
        version: resource.version.clone(),
    };
    orders.chain(tests).map(source).collect()
}

/// Whether a code of a resource is one of an in situ hybridisation for HER2.
fn is_ish(resource: &Resource<'_>, mapping: &Mapping) -> bool {
    let code = resource.json.get("code");
    // A CodeableReference since R5.
    let code = code.map(|code| Concept::read(code.get("concept").unwrap_or(code)));
    (code.iter().flat_map(|code| &code.codings)).any(|coding| {
        (mapping.finding(coding)).is_some_and(|row| row.finding.is_in_situ_hybridisation())
    })
}

/// Whether an order is of the tissue of a case; one that names no tissue is of every case of its patient.
fn is_of(
    order: &Resource<'_>,
    case: &CaseResult,
    pool: &Pool<'_>,
    specimens: &Specimens<'_>,
) -> bool {
    let keys = |name: &str, kind: &str| -> Vec<String> {
        (Reference::read_all(&order.json, name).iter())
            .filter_map(|reference| pool.key_of(reference, kind, &order.key))
            .collect()
    };
    let patient = (keys("subject", "Patient").into_iter().next()).map(|key| pool.surviving(key));
    if patient != case.subject {
        return false;
    }
    let named = keys("specimen", "Specimen");
    let Some(tissue) = &case.tissue else {
        return named.is_empty();
    };
    named.is_empty()
        || named.iter().any(|named| {
            specimens.lineage(named).contains(&tissue.as_str())
                || specimens.lineage(tissue).contains(&named.as_str())
        })
}
