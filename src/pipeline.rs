//! One input on its way from resources to decisions, in the order it happens. Only computes: time is handed in, and
//! nothing here knows a network, a disk or a clock.

pub mod announcement;
pub mod assemble;
pub mod cases;
pub mod coverage;
pub mod edition;
pub mod gather;
mod handling;
pub mod history;
pub mod ledger;
pub mod lifecycle;
pub mod metastases;
mod patient_view;
pub mod record;
pub mod reflex;
pub mod results;
pub mod sign_off;
mod told;
pub mod worklist;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::fhir::candidates::Candidates;
use crate::fhir::pool::Pool;
use crate::fhir::tissue::Specimens;
use crate::her2::conventions::Conventions;
use crate::her2::decide::decide;
use crate::her2::decision::Decision;
use crate::her2::evidence::{
    Evidence, Handling, JoinedBy, OtherTissue, Site, Source, TissueStatement, UnreadTest,
};
use crate::her2::guideline::{Edition, Rule};
use crate::her2::reason;
use crate::mapping::coverage::Coverage;
use crate::mapping::normalise::{InputRules, Piece};
use crate::mapping::table::{Mapping, hex};
use assemble::{Assembled, Excluded, assemble};
use cases::{CaseKey, Joined, join};
use edition::{Choice, Guidelines};
use gather::{Gathered, Item, Sources, gather};
use handling::handling_of;
use ledger::UnitResult;
use metastases::Metastases;
use patient_view::{Tumour, views};

/// A case of more statements than this is not decided: a tissue is tested a few times, each time with some ten of them.
const MOST_PIECES: usize = 200;

/// A case names no more others than this.
const MOST_RELATED: usize = 50;

/// Raised with every change by which the same evidence would be read or decided differently; the table is hashed itself.
const DECISION_VERSION: u32 = 4;

/// Everything that decides beside the input itself.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What codes and words mean.
    pub mapping: Mapping,
    /// Base of our own identifiers and code systems.
    pub base: String,
    /// Which edition decides which case.
    pub guidelines: Guidelines,
    /// The site taken where no source names one.
    pub assume_site: Option<Site>,
    /// Choices where the guideline is silent.
    pub conventions: Conventions,
    /// Which Observations count.
    pub input: InputRules,
    /// An overall status without score or number makes a case.
    pub overall_status_alone: bool,
    /// Each tumour of a patient has a view of its specimens' results beside them.
    pub patient_summary: bool,
    /// What takes long to compute of the rules.
    pub tables: HashedTables,
}

/// The decision tables of all editions as a hash that has begun. It takes thousands of answers, and each case asks for it.
#[derive(Clone, Debug, Default)]
pub struct HashedTables(OnceLock<(Conventions, Sha256)>);

impl HashedTables {
    fn hasher(&self, conventions: Conventions) -> Sha256 {
        let begin = || {
            let mut hasher = Sha256::new();
            hasher.update(DECISION_VERSION.to_be_bytes());
            for edition in Edition::ALL {
                for (ihc, ish) in edition.inputs() {
                    let answer = edition.answer(ihc, ish, &conventions);
                    hasher.update(Rule::Row(edition, ihc, ish).to_string());
                    hasher.update(answer.status.name());
                    hasher.update(answer.action.name());
                }
            }
            hasher
        };
        match self.0.get_or_init(|| (conventions, begin())) {
            (kept, hasher) if *kept == conventions => hasher.clone(),
            _ => begin(),
        }
    }
}

impl Rules {
    /// The identifier system of the results we write: by it our own output is recognised and never read.
    pub fn own_identifier_system(&self) -> String {
        format!("{}/identifier/her2-status", self.base)
    }

    /// The same rules without what the command line asks for.
    pub fn of_settings(&self) -> Self {
        Self {
            guidelines: self.guidelines.of_settings(),
            ..self.clone()
        }
    }

    /// The hashes of the ruleset and of the mapping, as one text: what a published result was written under.
    pub fn hash(&self) -> String {
        format!("{}-{}", self.ruleset_hash(), self.mapping.hash())
    }

    /// SHA-256 over everything but the mapping that can change a decision.
    pub fn ruleset_hash(&self) -> String {
        let mut hasher = self.tables.hasher(self.conventions);
        hasher.update(format!(
            "{:?} {:?} {:?} {:?} {}",
            self.guidelines,
            self.assume_site,
            self.conventions,
            self.input,
            self.overall_status_alone
        ));
        hex(&hasher.finalize())
    }
}

/// Another case of the same patient that a reader should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Its id.
    pub case: String,
    /// What it has to do with this one.
    pub why: &'static str,
}

/// One case, decided.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The stable id.
    pub id: String,
    /// The patient.
    pub subject: Option<String>,
    /// The tissue it stands on.
    pub tissue: Option<String>,
    /// The edition in force.
    pub edition: Edition,
    /// How that edition was chosen.
    pub edition_choice: Choice,
    /// The latest day on which any of the evidence was reported.
    pub reported_on: Option<NaiveDate>,
    /// The evidence.
    pub evidence: Evidence,
    /// The decision.
    pub decision: Decision,
    /// The resources it was read from.
    pub inputs: BTreeSet<Source>,
    /// What was left out.
    pub excluded: BTreeSet<Excluded>,
    /// Other cases of the patient.
    pub related: Vec<Related>,
    /// The cases with a result that this patient view takes together; empty for a case of one tissue.
    pub summarises: Vec<String>,
    /// SHA-256 over inputs, decision, rules and mapping: the same evidence has the same fingerprint.
    pub fingerprint: String,
    /// SHA-256 over inputs and decision alone: where this is the same under other rules, they have changed nothing here.
    pub content: String,
    /// SHA-256 over evidence and decision alone, whatever the versions of its sources and the wording of its reasons: where
    /// this is the same, there is nothing new to sign.
    pub essence: String,
}

impl CaseResult {
    /// Whether it is the view of a tumour beside the cases of its specimens.
    pub fn is_patient_view(&self) -> bool {
        self.evidence.joined_by == JoinedBy::Patient
    }

    /// Sets its hashes, which stay out of what they are taken over.
    fn take_hashes(&mut self, ruleset: &str, mapping: &str) {
        let mut hasher = Sha256::new();
        for input in &self.inputs {
            hasher.update(format!(
                "{} {}\n",
                input.reference,
                input.version.as_deref().unwrap_or("")
            ));
        }
        // The record holds every value that was read, with its source and version. What is no evidence, and what other
        // cases hold, explains the decision without being part of it.
        let own = CaseResult {
            excluded: BTreeSet::new(),
            related: Vec::new(),
            ..self.clone()
        };
        let record = record::DecisionRecord::of(&own);
        self.essence = hex(&Sha256::digest(record.essence().unwrap_or_default()));
        hasher.update(record.to_json().unwrap_or_default());
        self.content = hex(&hasher.clone().finalize());
        hasher.update(ruleset);
        hasher.update(mapping);
        self.fingerprint = hex(&hasher.finalize());
    }

    /// Why the case ended as it did, a sentence each: the edition and how it was chosen, what was read, what follows, and
    /// what to do next.
    pub fn sentences(&self) -> Vec<String> {
        let edition = format!("Edition {}: {}.", self.edition.id(), self.edition_choice);
        std::iter::once(edition)
            .chain(reason::read(&self.evidence))
            .chain(self.decision.reasons.iter().map(ToString::to_string))
            .filter(|sentence| !sentence.is_empty())
            .collect()
    }
}

/// A case that has sources and nothing left to decide on: if a result was written for it, that is withdrawn.
#[derive(Clone, Debug)]
pub struct EmptyCase {
    /// The stable id.
    pub id: String,
    /// The sources, with the reason why they are no evidence.
    pub excluded: BTreeSet<Excluded>,
}

/// What an input comes to.
#[derive(Debug, Default)]
pub struct Derived {
    /// Cases in a stable order.
    pub cases: Vec<CaseResult>,
    /// Cases without evidence.
    pub empty: Vec<EmptyCase>,
    /// What each report, and each Observation without a report, came to.
    pub units: Vec<UnitResult>,
    /// Which codes occur, and which of them are mapped.
    pub coverage: Coverage,
}

/// Derives every case of a pool: bundle → candidates → evidence → decision.
pub fn derive(pool: &Pool<'_>, rules: &Rules) -> Derived {
    let candidates = Candidates::read(pool);
    let specimens = Specimens::read(pool);
    let sources = Sources {
        pool,
        candidates: &candidates,
        specimens: &specimens,
    };
    let gathered = gather(&sources, rules);
    let joined = join(&gathered.items, &candidates, &specimens, &rules.mapping);
    let metastases = Metastases::read(&gathered, &sources, &rules.mapping);
    let mut undecided = assemble_cases(&gathered, &joined, &metastases, &sources, rules);
    relate(&mut undecided, &specimens);
    metastases.note_untested(&mut undecided, &gathered, &sources, rules);

    let ruleset = rules.ruleset_hash();
    let mut derived = Derived::default();
    let mut decided: Vec<(CaseResult, Tumour)> = Vec::new();
    for case in undecided {
        let id = case.key.id();
        if !case.is_case(rules) {
            derived.empty.push(EmptyCase {
                id,
                excluded: case.assembled.excluded,
            });
            continue;
        }
        let evidence = &case.assembled.evidence;
        let (edition, edition_choice) =
            (rules.guidelines).for_case(evidence.site, case.assembled.reported_on);
        let decision = decide(evidence, edition, &rules.conventions);
        let mut result = CaseResult {
            id,
            subject: case.key.subject,
            tissue: case.tissue,
            edition,
            edition_choice,
            reported_on: case.assembled.reported_on,
            evidence: case.assembled.evidence,
            decision,
            inputs: case.assembled.inputs,
            excluded: case.assembled.excluded,
            related: case.related,
            summarises: Vec::new(),
            fingerprint: String::new(),
            content: String::new(),
            essence: String::new(),
        };
        result.take_hashes(&ruleset, rules.mapping.hash());
        decided.push((result, case.tumour));
    }
    let views = if rules.patient_summary {
        views(&decided)
    } else {
        Vec::new()
    };
    derived.cases = decided.into_iter().map(|(case, _)| case).collect();
    derived.cases.extend(views.into_iter().map(|mut view| {
        view.take_hashes(&ruleset, rules.mapping.hash());
        view
    }));
    derived.coverage =
        coverage::coverage_of(&gathered, &sources, &rules.mapping, &mut BTreeSet::new());
    derived.units = ledger::units(&gathered, &joined, &derived);
    derived
}

/// A case on its way to a decision.
struct Undecided {
    key: CaseKey,
    tissue: Option<String>,
    tumour: Tumour,
    assembled: Assembled,
    related: Vec<Related>,
    reports: BTreeSet<String>,
}

impl Undecided {
    fn is_case(&self, rules: &Rules) -> bool {
        let evidence = &self.assembled.evidence;
        let only_a_status = evidence.ihc.is_empty()
            && evidence.ish.is_empty()
            && evidence.unreadable.is_empty()
            && evidence.quoted.is_empty();
        self.assembled.has_content() && (rules.overall_status_alone || !only_a_status)
    }
}

fn assemble_cases(
    gathered: &Gathered<'_>,
    joined: &[Joined],
    metastases: &Metastases,
    sources: &Sources<'_>,
    rules: &Rules,
) -> Vec<Undecided> {
    let mut groups: BTreeMap<&CaseKey, Vec<(&Item<'_>, &Joined)>> = BTreeMap::new();
    for (item, joined) in gathered.items.iter().zip(joined) {
        if !item.pieces.is_empty() {
            groups.entry(&joined.key).or_default().push((item, joined));
        }
    }
    groups
        .into_iter()
        .map(|(key, members)| {
            let evidence: Vec<&Joined> = members
                .iter()
                .filter(|(item, _)| item.is_of_this_tissue())
                .map(|(_, joined)| *joined)
                .collect();
            // The weakest of the rules that brought the evidence together.
            let by = evidence
                .iter()
                .map(|joined| joined.by)
                .max()
                .unwrap_or(JoinedBy::Specimen);
            let blocks: BTreeSet<_> = evidence.iter().map(|joined| &joined.block).collect();
            let tissue = if evidence.iter().any(|joined| joined.unclear) {
                TissueStatement::Unclear
            } else if by != JoinedBy::Specimen || blocks.len() > 1 {
                TissueStatement::NotStated
            } else {
                TissueStatement::Stated
            };
            let too_many = too_many_pieces(&members);
            let items: Vec<&Item<'_>> = match &too_many {
                Some(question) => vec![question],
                None => members.iter().map(|(item, _)| *item).collect(),
            };
            let mut assembled =
                assemble(&items, &gathered.narratives, by, tissue, rules.assume_site);
            let tissue_key = members.iter().find_map(|(_, joined)| joined.tissue.clone());
            let of_metastasis =
                metastases.hold(&items, tissue_key.as_deref(), sources, &rules.mapping);
            // What is known of the tissue makes no case of what is none.
            if assembled.has_content() {
                let read: Vec<&Item<'_>> = (items.iter().copied())
                    .filter(|item| item.is_evidence())
                    .collect();
                let (handling, question) = handling_of(&read, &gathered.items, sources, rules);
                assembled.evidence.handling = Handling {
                    of_metastasis,
                    ..handling
                };
                assembled.evidence.unreadable.extend(question);
            }
            let tissue = tissue_key.as_deref();
            Undecided {
                key: key.clone(),
                tumour: Tumour::of(
                    &items,
                    tissue,
                    &assembled.evidence.handling,
                    sources.specimens,
                    rules,
                ),
                tissue: tissue_key,
                assembled,
                related: Vec::new(),
                reports: (items.iter())
                    .flat_map(|item| item.reports.iter().map(|report| (*report).to_owned()))
                    .collect(),
            }
        })
        .collect()
}

/// The question that stands in the place of a case's items where nobody would read them all.
fn too_many_pieces<'r>(members: &[(&Item<'r>, &Joined)]) -> Option<Item<'r>> {
    let count: usize = members.iter().map(|(item, _)| item.pieces.len()).sum();
    let items = || members.iter().map(|(item, _)| *item);
    let item = items()
        .find(|item| item.is_of_this_tissue())
        .or_else(|| items().find(|item| item.is_evidence()))
        .filter(|_| count > MOST_PIECES)?;
    Some(Item {
        pieces: vec![Piece::Unread {
            test: UnreadTest::Either,
            detail: format!("{count} statements about one tissue are more than are read"),
        }],
        ..item.clone()
    })
}

/// Cases of one patient whose tissues share an ancestor or whose results share a report name each other, and the test
/// that one lacks and the other has is noted.
fn relate(cases: &mut [Undecided], specimens: &Specimens<'_>) {
    let mut of_patient: BTreeMap<&Option<String>, Vec<&Undecided>> = BTreeMap::new();
    for case in cases.iter() {
        of_patient.entry(&case.key.subject).or_default().push(case);
    }
    let lineages: BTreeMap<&CaseKey, BTreeSet<&str>> = cases
        .iter()
        .map(|case| {
            let lineage = case
                .tissue
                .as_deref()
                .map(|tissue| specimens.lineage(tissue));
            (&case.key, lineage.into_iter().flatten().collect())
        })
        .collect();
    let share_tissue = |one: &Undecided, other: &Undecided| {
        let both = lineages.get(&one.key).zip(lineages.get(&other.key));
        both.is_some_and(|(one, other)| !one.is_disjoint(other))
    };
    let found: Vec<(Vec<Related>, OtherTissue)> = cases
        .iter()
        .map(|case| {
            let mut related = Vec::new();
            let mut other_tissue = OtherTissue::default();
            for other in of_patient.get(&case.key.subject).into_iter().flatten() {
                if related.len() == MOST_RELATED {
                    break;
                }
                if case.key == other.key || !other.assembled.has_content() {
                    continue;
                }
                let why = if share_tissue(case, other) {
                    "other block"
                } else if !case.reports.is_disjoint(&other.reports) {
                    "other specimen of the same report"
                } else {
                    continue;
                };
                related.push(Related {
                    case: other.key.id(),
                    why,
                });
                let evidence = &other.assembled.evidence;
                other_tissue
                    .ihc
                    .extend(evidence.ihc.iter().map(|result| result.source.clone()));
                other_tissue
                    .ish
                    .extend(evidence.ish.iter().map(|result| result.source.clone()));
            }
            (related, other_tissue)
        })
        .collect();
    for (case, (related, other_tissue)) in cases.iter_mut().zip(found) {
        case.related = related;
        case.assembled.evidence.other_tissue = other_tissue;
    }
}

/// Whether an item says that there is no result yet, or only a status that the site does not count as one.
fn says_no_result(item: &Item<'_>) -> bool {
    let no_result = |piece: &Piece| matches!(piece.said(), Piece::NoResult | Piece::Overall(_));
    item.pieces.iter().any(no_result)
}
