//! Everything of one patient that changed: derived together, written case by case.
//!
//! What stands for a case is sighted before the patient's resources are read, so that the sighted version can fence the
//! write (see `publish`). A case that the store does not know is first met when it is derived; where a result of it stands
//! already, everything is read once more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::SecondsFormat;

use super::{Hand, OfPatient, Pass, PassError, PassReport};
use crate::fhir::groups::{MOST_TOGETHER, MOST_VALUES_TOGETHER};
use crate::fhir::json::{Json, MOST_VALUES};
use crate::fhir::pool::Pool;
use crate::her2::evidence::Source;
use crate::pipeline::ledger::{Ended, UnitContent, UnitResult};
use crate::pipeline::{CaseResult, Derived, derive};
use crate::service::brake::{HELD, Read};
use crate::service::publish::{Attempt, Change, Outcome, Sighting, Wait, ends_the_pass, given_up};
use crate::service::pull::Texts;
use crate::service::replay::units_of_cases;

/// How often a patient's resources are read in one pass before a case is left to the next.
const MOST_ROUNDS: u32 = 4;

/// What has come of the cases of a patient so far.
#[derive(Default)]
struct Progress {
    /// Results as they stood before the resources of this round were read.
    sightings: BTreeMap<String, Sighting>,
    /// How each case ended.
    outcomes: BTreeMap<String, Outcome>,
}

impl Pass<'_> {
    /// Derives and writes what changed of one patient, until nothing it rests on has changed meanwhile. Whether the
    /// patient's resources could be read.
    pub(super) async fn patient(
        &self,
        subject: Option<&str>,
        patient: OfPatient,
        hand: &mut Hand<'_>,
        report: &mut PassReport,
    ) -> Result<bool, PassError> {
        let OfPatient { changed, texts } = patient;
        // Cases that the changed resources belonged to before, and everything those cases rested on.
        let earlier = self.cases_of_sources(&changed).await?;
        let mut wanted = changed.clone();
        for case in earlier.keys() {
            wanted.extend(self.store.sources_of_case(case).await?);
        }
        // What else is published of the patient is looked at too: what it rests on may have gone without a word.
        let mut due: BTreeSet<String> = earlier.keys().cloned().collect();
        if let Some(subject) = subject {
            for case in self.store.cases_of_subject(subject).await? {
                wanted.extend(self.store.sources_of_case(&case).await?);
                due.insert(case);
            }
        }
        let mut progress = Progress::default();
        let mut known = texts;
        for round in 1..=MOST_ROUNDS {
            self.sight(&due, hand, &mut progress).await?;
            let read = (self.puller)
                .neighbourhood(subject, &known, &wanted, round > 1, self.rules)
                .await;
            let texts = match read {
                Ok(texts) => texts,
                Err(error) if ends_the_pass(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, units = changed.len(), "a patient's results could not be read; the next pass tries again");
                    for unit in &changed {
                        report.enter(unit, Ended::Retry);
                    }
                    return Ok(false);
                }
            };
            let Some(pool) = pool_of(&texts, self.puller.base()) else {
                tracing::error!(
                    units = changed.len(),
                    resources = texts.len(),
                    "a patient has more results than are decided together; a person has to look"
                );
                for unit in &changed {
                    report.enter(unit, Ended::Failed);
                }
                return Ok(true);
            };
            let derived = derive(&pool, self.rules);
            let touched: Vec<&UnitResult> = (derived.units.iter())
                .filter(|unit| is_touched(unit, &changed))
                .collect();
            due.extend(due_of(&touched));
            let is_last = round == MOST_ROUNDS;
            let met_late = self.sight(&due, hand, &mut progress).await?;
            let outdated = met_late.iter().any(|id| {
                let case = derived.cases.iter().find(|case| case.id == *id);
                let fingerprint = case.map(|case| case.fingerprint.as_str());
                (progress.sightings.get(id)).is_some_and(|it| it.stands_otherwise(fingerprint))
            });
            let is_settled = if outdated && !is_last {
                false
            } else {
                self.note_sources(&due, &derived, hand, false).await?;
                let open = self
                    .write(&due, &derived, &pool, hand, &mut progress)
                    .await?;
                self.wait_for(open, round, &mut progress).await
            };
            if is_settled || is_last {
                (report.unmapped).extend(derived.coverage.unmapped().map(|(key, _)| key.clone()));
                let only_held = only_held(&progress.outcomes);
                // Those too that this pass has first met, for what they rest on may have gone meanwhile.
                let earlier = self.cases_of_sources(&changed).await?;
                let ended = close(progress.outcomes, &derived, report);
                let is_settled =
                    |id: &&String| !matches!(ended.get(*id), Some(Ended::Retry | Ended::Failed));
                due = due.iter().filter(is_settled).cloned().collect();
                self.note_sources(&due, &derived, hand, true).await?;
                if !hand.dry_run && hand.shadow.is_none() {
                    self.watch(&due, &derived, &pool).await?;
                    self.note_due(&due, &derived).await?;
                }
                enter_units(report, &touched, &earlier, &ended, only_held);
                enter_gone(report, &changed, &texts, &earlier, &ended);
                self.keep_open(&ended, &hand.brake.held, report).await?;
                self.quarantine(&derived, &pool, hand).await?;
                return Ok(true);
            }
            wanted.extend(texts.keys().cloned());
            drop(touched);
            known = Texts::new();
        }
        Ok(true)
    }

    /// The cases that resources are noted as sources of, each with those of them.
    async fn cases_of_sources(
        &self,
        sources: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, PassError> {
        let mut cases: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in sources {
            for case in self.store.cases_of_source(source).await? {
                cases.entry(case).or_default().insert(source.clone());
            }
        }
        Ok(cases)
    }

    /// Sights the cases that are not sighted; which those are.
    async fn sight(
        &self,
        cases: &BTreeSet<String>,
        hand: &Hand<'_>,
        progress: &mut Progress,
    ) -> Result<Vec<String>, PassError> {
        let mut new = Vec::new();
        if hand.shadow.is_some() {
            return Ok(new);
        }
        for case in cases {
            if !progress.sightings.contains_key(case) {
                let sighting = self.publisher.sight(case).await?;
                progress.sightings.insert(case.clone(), sighting);
                new.push(case.clone());
            }
        }
        Ok(new)
    }

    /// Writes the cases that are due, and withdraws those that have nothing left to stand on. Which are still open, why,
    /// and after which wait.
    async fn write(
        &self,
        due: &BTreeSet<String>,
        derived: &Derived,
        pool: &Pool<'_>,
        hand: &mut Hand<'_>,
        progress: &mut Progress,
    ) -> Result<Vec<(String, &'static str, Wait)>, PassError> {
        let case_of = |id: &str| derived.cases.iter().find(|case| case.id == id);
        // A patient view refers to the results of its specimens, so it comes after them.
        let is_view = |id: &String| case_of(id).is_some_and(CaseResult::is_patient_view);
        let (views, others): (Vec<&String>, Vec<&String>) = due.iter().partition(|id| is_view(id));
        // An end that is held keeps others from taking over its evidence, so ends come first.
        let (tissues, ends): (Vec<&String>, Vec<&String>) =
            (others.into_iter()).partition(|id| case_of(id).is_some());
        let read = Read::of(pool);
        let mut open = Vec::new();
        for id in ends.into_iter().chain(tissues).chain(views) {
            let now = self.publisher.clock.now();
            let case = case_of(id);
            if let Some(shadow) = &hand.shadow {
                let outcome = match case {
                    Some(case) => shadow.keep(case, pool, now).await?,
                    None => shadow.withdraw(id, now).await?,
                };
                progress.end(id, outcome);
                continue;
            }
            let Some(sighting) = progress.sightings.remove(id) else {
                continue;
            };
            let sources = case.map_or(BTreeSet::new(), |case| sources_of(case, derived));
            let rests = (&read, &sources);
            let brake = &mut hand.brake;
            let against = (brake.look(self.store, id, case, rests, &sighting)).await?;
            let is_held = brake.holds(id, &against)
                || case.is_some_and(|case| brake.is_claimed(case, &read, &sighting));
            if is_held {
                progress.end(id, Outcome::Retry(HELD));
                continue;
            }
            let case = case.map(|case| brake.as_it_stands(case, &against, &sighting));
            let attempt = match &case {
                Some(case) => self.publisher.publish(case, pool, &sighting, now).await?,
                None => {
                    let empty = derived.empty.iter().find(|empty| empty.id == *id);
                    let sources: BTreeSet<Source> = (empty.iter())
                        .flat_map(|empty| &empty.excluded)
                        .map(|excluded| excluded.source.clone())
                        .collect();
                    self.publisher
                        .withdraw(id, &sources, &sighting, now)
                        .await?
                }
            };
            if let Attempt::Done(Outcome::Written(_) | Outcome::Unchanged) = &attempt
                && !hand.dry_run
            {
                (hand.brake)
                    .note(self.store, id, case.as_ref(), rests, against)
                    .await?;
            }
            match attempt {
                Attempt::Done(outcome) => progress.end(id, outcome),
                Attempt::Again(why, wait) => open.push((id.clone(), why, wait)),
            }
        }
        Ok(open)
    }

    /// Waits as the open cases ask; those that ask for too much are given up. Whether none is left open.
    async fn wait_for(
        &self,
        open: Vec<(String, &'static str, Wait)>,
        round: u32,
        progress: &mut Progress,
    ) -> bool {
        let mut longest = Duration::ZERO;
        let mut is_settled = true;
        for (case, why, wait) in open {
            match wait.after(round, &self.publisher.clock) {
                Some(wait) if round < MOST_ROUNDS => {
                    longest = longest.max(wait);
                    is_settled = false;
                }
                _ => progress.end(&case, given_up(why)),
            }
        }
        if !longest.is_zero() {
            self.publisher.clock.wait(longest).await;
        }
        is_settled
    }

    /// Notes which sources the cases that are due rest on, and which units name them, so that one that leaves a case is
    /// noticed. Before they are written, beside those of earlier; once they are settled, in place of those.
    async fn note_sources(
        &self,
        due: &BTreeSet<String>,
        derived: &Derived,
        hand: &Hand<'_>,
        are_settled: bool,
    ) -> Result<(), PassError> {
        if hand.dry_run {
            return Ok(());
        }
        for case in derived.cases.iter().filter(|case| due.contains(&case.id)) {
            let mut sources = sources_of(case, derived);
            let known = self.store.sources_of_case(&case.id).await?;
            if !are_settled {
                sources.extend(known.iter().cloned());
            }
            if !sources.iter().eq(&known) {
                let sources: Vec<String> = sources.into_iter().collect();
                self.store.set_sources_of_case(&case.id, &sources).await?;
            }
        }
        Ok(())
    }

    /// Keeps the units of cases that have not come to an end for the next pass, those too that this pass did not see.
    async fn keep_open(
        &self,
        ended: &BTreeMap<String, Ended>,
        held: &BTreeSet<String>,
        report: &mut PassReport,
    ) -> Result<(), PassError> {
        for (case, end) in ended {
            let why = match end {
                Ended::Retry if held.contains(case) => HELD,
                Ended::Retry => "retry",
                Ended::Failed => "failed",
                _ => continue,
            };
            for unit in units_of_cases(self.store, std::slice::from_ref(case))
                .await?
                .into_keys()
            {
                if !report.units.contains_key(&unit) {
                    report.open.entry(unit).or_insert(why);
                }
            }
        }
        Ok(())
    }

    /// Notes from when on a reflex test of each case is overdue.
    async fn note_due(&self, due: &BTreeSet<String>, derived: &Derived) -> Result<(), PassError> {
        let today = self.publisher.clock.now().date_naive();
        for id in due {
            let case = derived.cases.iter().find(|case| case.id == *id);
            let reflex = &self.publisher.publishing.reflex;
            let last_day = case.and_then(|case| reflex.due(case));
            let overdue = (last_day.filter(|day| *day >= today))
                .and_then(|day| day.succ_opt())
                .map(|day| format!("{day}T00:00:00Z"));
            self.store.set_due(id, overdue.as_deref()).await?;
        }
        Ok(())
    }

    /// Notes which codes are unmapped.
    async fn quarantine(
        &self,
        derived: &Derived,
        pool: &Pool<'_>,
        hand: &Hand<'_>,
    ) -> Result<(), PassError> {
        if hand.dry_run {
            return Ok(());
        }
        let resources: Vec<&str> = pool.all().map(|resource| resource.key.as_str()).collect();
        let now = self.publisher.clock.now();
        let now = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        Ok((self.store.quarantine(&resources, &derived.coverage, &now)).await?)
    }
}

impl Progress {
    /// Notes how a case ended. What was written in an earlier round and stands now was written.
    fn end(&mut self, case: &str, outcome: Outcome) {
        let was_written = matches!(self.outcomes.get(case), Some(Outcome::Written(_)));
        if !(was_written && outcome == Outcome::Unchanged) {
            self.outcomes.insert(case.to_owned(), outcome);
        }
    }
}

/// What a case rests on: its inputs, and the units that name it.
fn sources_of(case: &CaseResult, derived: &Derived) -> BTreeSet<String> {
    let names_it = |unit: &&UnitResult| match &unit.content {
        UnitContent::Cases(cases) => cases.contains(&case.id),
        UnitContent::NotHer2 | UnitContent::NoResult => false,
    };
    let units = derived.units.iter().filter(names_it);
    (case.inputs.iter())
        .map(|input| input.reference.clone())
        .chain(units.map(|unit| unit.key.clone()))
        .collect()
}

/// Whether whatever waits of a patient waits for nothing but the brake.
fn only_held(outcomes: &BTreeMap<String, Outcome>) -> bool {
    (outcomes.values()).all(|outcome| !matches!(outcome, Outcome::Retry(code) if *code != HELD))
}

/// The cases that touched units name now, or have left empty.
fn due_of(touched: &[&UnitResult]) -> BTreeSet<String> {
    let mut due = BTreeSet::new();
    for unit in touched {
        if let UnitContent::Cases(cases) = &unit.content {
            due.extend(cases.iter().cloned());
        }
        due.extend(unit.emptied.iter().cloned());
    }
    due
}

/// Enters what became of each case, and how each ended for the ledger.
fn close(
    outcomes: BTreeMap<String, Outcome>,
    derived: &Derived,
    report: &mut PassReport,
) -> BTreeMap<String, Ended> {
    let mut ended = BTreeMap::new();
    for (id, outcome) in outcomes {
        let case = derived.cases.iter().find(|case| case.id == id);
        let end = match (&outcome, case) {
            (Outcome::Failed(code), _) => {
                tracing::error!(case = id, code, "a case was refused; a person has to look");
                Ended::Failed
            }
            // The pass names them together.
            (Outcome::Retry(HELD), _) => Ended::Retry,
            (Outcome::Retry(code), _) => {
                tracing::warn!(
                    case = id,
                    code,
                    "a case was not written; the next pass tries again"
                );
                Ended::Retry
            }
            (_, Some(case)) if !case.decision.review.is_empty() => Ended::Review,
            (Outcome::Written(_) | Outcome::Would(..), _) => Ended::Written,
            (Outcome::Unchanged, Some(_)) => Ended::Unchanged,
            (Outcome::Unchanged, None) => Ended::NotHer2,
        };
        if let Outcome::Written(change) | Outcome::Would(change, _) = &outcome {
            *report.changes.entry(*change).or_default() += 1;
            if *change == Change::Withdrawn {
                report.withdrawn.push(id.clone());
            }
        }
        if let Outcome::Would(_, lines) = &outcome {
            report.would_change.extend(lines.iter().cloned());
        }
        if let Some(case) = case {
            report.cases.push((case.clone(), outcome));
        }
        ended.insert(id, end);
    }
    ended
}

/// Enters the units that were touched, each with the worst end of its cases.
fn enter_units(
    report: &mut PassReport,
    touched: &[&UnitResult],
    earlier: &BTreeMap<String, BTreeSet<String>>,
    ended: &BTreeMap<String, Ended>,
    only_held: bool,
) {
    for unit in touched {
        let of_unit = |source: &String| *source == unit.key || unit.sources.contains(source);
        let has_none = !matches!(unit.content, UnitContent::Cases(_));
        // A case that it has left is somebody else's, unless it could not be brought to its end, or was withdrawn and the
        // unit has no other.
        let left = (earlier.iter())
            .filter(|(_, sources)| sources.iter().any(of_unit))
            .filter_map(|(case, _)| Some((case, ended.get(case).copied()?)))
            .filter(|(case, end)| {
                matches!(end, Ended::Retry | Ended::Failed)
                    || (has_none && report.withdrawn.contains(*case))
            })
            .map(|(_, end)| end)
            .max();
        let own = end_of(unit, ended);
        let worst = left.map_or(own, |left| left.max(own));
        match worst {
            Ended::Retry if only_held => report.enter_held(&unit.key),
            worst => report.enter(&unit.key, worst),
        }
    }
}

/// Enters the units that are no longer on the server, with the end of the cases that they leave.
fn enter_gone(
    report: &mut PassReport,
    changed: &BTreeSet<String>,
    texts: &Texts,
    earlier: &BTreeMap<String, BTreeSet<String>>,
    ended: &BTreeMap<String, Ended>,
) {
    for unit in changed.iter().filter(|unit| !texts.contains_key(*unit)) {
        let ends = (earlier.iter())
            .filter(|(_, sources)| sources.contains(unit))
            .filter_map(|(case, _)| ended.get(case).copied());
        report.enter(unit, ends.max().unwrap_or(Ended::NotHer2));
    }
}

/// Whether something of the unit changed: itself, or an Observation it names.
fn is_touched(unit: &UnitResult, changed: &BTreeSet<String>) -> bool {
    changed.contains(&unit.key) || unit.sources.iter().any(|source| changed.contains(source))
}

/// The worst end of a unit's cases.
fn end_of(unit: &UnitResult, ended: &BTreeMap<String, Ended>) -> Ended {
    let withdrawn = (unit.emptied.iter())
        .filter_map(|case| ended.get(case).copied())
        .filter(|end| *end != Ended::NotHer2)
        .max();
    let own = match &unit.content {
        UnitContent::NotHer2 => Ended::NotHer2,
        UnitContent::NoResult => Ended::NoResult,
        UnitContent::Cases(cases) => (cases.iter())
            .filter_map(|case| ended.get(case).copied())
            .max()
            .unwrap_or(Ended::Unchanged),
    };
    withdrawn.map_or(own, |withdrawn| withdrawn.max(own))
}

/// A patient's resources; `None` where they are more than are decided together.
fn pool_of<'t>(texts: &'t Texts, base: &str) -> Option<Pool<'t>> {
    if texts.len() > MOST_TOGETHER {
        return None;
    }
    let mut left = MOST_VALUES_TOGETHER;
    let mut pool = Pool::new(Some(base));
    for text in texts.values() {
        // What is no resource was rejected when it was pulled.
        let before = left;
        match Json::parse_within(text, &mut left) {
            Ok(json) => drop(pool.add(json, None, "the server")),
            Err(_) if before < MOST_VALUES => return None,
            Err(_) => {}
        }
    }
    Some(pool)
}
