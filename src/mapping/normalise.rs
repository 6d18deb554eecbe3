//! From candidates to pieces of evidence: each question and answer of an Observation is understood, left out for a
//! stated reason, or named as unreadable. Nothing falls through.
//!
//! This file takes an Observation; `questions.rs` takes its questions, `values.rs` what is answered, with `answers.rs`
//! for codes and words and `numbers.rs` for numbers.

mod answers;
mod numbers;
mod questions;
mod tissue;
mod values;

use super::table::Mapping;
use crate::fhir::candidates::ObservationNode;
use crate::fhir::json::Json;
use crate::her2::evidence::{
    CountRole, IhcFinding, IshWord, Origin, Passage, Probe, Site, StatedResult, UnreadTest,
};
use crate::her2::number::Measure;
use questions::{Place, Reader};

pub(super) use answers::names_another;
pub use questions::{NAMES_HER2, pieces_of};
pub use tissue::{Elapsed, TissueFact};

/// One thing that an Observation says.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// The finding of an immunohistochemistry result.
    Ihc(IhcFinding, Origin),
    /// The word beside a score.
    IhcInterpretation(StatedResult),
    /// An adjective that states nothing beside a score, and leaves everything open without one; where it stands.
    IhcAdjective(String),
    /// Percent of cells with any staining.
    IhcPercent(Measure),
    /// Percent of cells with uniform intense staining.
    IhcIntensePercent(Measure),
    /// Whether there is any staining.
    IhcStaining(bool),
    /// HER2/CEP17 ratio.
    Ratio(Measure),
    /// HER2 copies per cell.
    Her2Copies(Measure),
    /// CEP17 copies per cell.
    Cep17Copies(Measure),
    /// Cells counted.
    Cells(Measure),
    /// Single or dual probe.
    Probe(Probe),
    /// In situ hybridisation in a word.
    IshWord(IshWord, Origin),
    /// Which count it is.
    Role(CountRole),
    /// Share of cells in the separately counted population that the result is of.
    Population(Measure),
    /// Whether HER2 signals lie in clusters.
    Clusters(bool),
    /// The sender's overall status.
    Overall(StatedResult),
    /// The sender's negative status rules out HER2-low.
    NotLow,
    /// The test has no result: ordered, pending, cancelled or not done.
    NoResult,
    /// Not understood.
    Unread {
        /// Which test it may be about.
        test: UnreadTest,
        /// Path, code and what was met, in a sentence.
        detail: String,
    },
    /// Said in narrative, which counts where no coded result says it.
    Narrated(Box<Piece>, Passage),
    /// Narrative that says something of HER2 and is not read.
    UnreadNarrative {
        /// Which test it may be about.
        test: UnreadTest,
        /// Path and why, in a sentence.
        detail: String,
        /// It tells of an earlier result.
        is_history: bool,
    },
    /// Said of an earlier specimen, which is not named: no evidence of this tissue.
    Quoted,
    /// Understood and of no weight, or never an input.
    Excluded {
        /// Why.
        why: String,
    },
    /// The code itself names the primary site.
    Site(Site),
}

/// What decides which Observations count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputRules {
    /// Observations with status `preliminary` are evidence.
    pub accept_preliminary: bool,
}

/// Where an Observation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// A member of a HER2 panel, or named by a report of HER2 testing: whatever it says is about HER2.
    pub about_her2: bool,
}

/// Whether a question is the adapter's concern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concern {
    /// It is about HER2, or may be: what is not understood of it becomes a review item.
    Her2,
    /// It is never an input.
    Excluded,
    /// It has nothing to do with HER2.
    #[default]
    None,
}

/// What one Observation comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Normalised {
    /// What it says about HER2; empty when it is not our concern.
    pub pieces: Vec<Piece>,
    /// What it says about the tissue itself.
    pub facts: Vec<TissueFact>,
    /// It is a HER2 panel: what its members say is about HER2.
    pub is_panel: bool,
    /// What its members say is quoted from an earlier specimen.
    pub is_quotation: bool,
    /// Of what concern each of its questions is, in their order.
    pub concerns: Vec<Concern>,
}

/// Understands one Observation.
pub fn normalise(
    observation: &ObservationNode<'_>,
    mapping: &Mapping,
    rules: InputRules,
    surroundings: Surroundings,
) -> Normalised {
    let mut reader = Reader {
        mapping,
        pieces: Vec::new(),
        facts: Vec::new(),
        is_panel: false,
        gene_is_erbb2: false,
        is_quotation: false,
        notes: notes_of(observation),
        of_hybridisation: false,
    };
    reader.of_hybridisation =
        (observation.candidates.first()).is_some_and(|own| reader.asks_for_hybridisation(own));
    let names_other_gene =
        (observation.candidates.iter()).any(|candidate| reader.names_other_gene(candidate));
    let miscalls_a_gene =
        (observation.candidates.iter()).any(|candidate| reader.miscalls_a_gene_erbb2(candidate));
    reader.gene_is_erbb2 =
        (observation.candidates.iter()).any(|candidate| reader.names_erbb2(candidate));
    let has_parts = !observation.members.is_empty() || observation.candidates.len() > 1;
    let in_order = observation.candidates.iter().enumerate();
    // What is mapped comes first: it tells whether the rest is about HER2.
    let (mapped, others): (Vec<_>, Vec<_>) =
        in_order.partition(|(_, candidate)| reader.is_mapped(candidate));
    let mut concerns = vec![Concern::None; observation.candidates.len()];
    for (index, candidate) in mapped.into_iter().chain(others) {
        let (pieces, is_panel, is_quotation) =
            (reader.pieces.len(), reader.is_panel, reader.is_quotation);
        let place = Place {
            is_component: index > 0,
            has_parts,
            about_her2: surroundings.about_her2,
        };
        reader.candidate(candidate, place);
        let is_container = (reader.is_panel && !is_panel) || (reader.is_quotation && !is_quotation);
        if let Some(concern) = concerns.get_mut(index) {
            *concern = reader.concern(candidate, pieces, is_container);
        }
    }
    reader.notes();
    // A panel states the method of its members.
    let about_ihc = reader.pieces.iter().any(Piece::is_about_ihc);
    let about_ish = reader.pieces.iter().any(Piece::is_about_ish);
    if let Some(method) = &observation.method {
        if about_ish || reader.is_panel {
            reader.method(method);
        }
        if about_ihc != about_ish {
            reader.method_of_other_test(method, about_ihc);
        }
    }
    // Only an Observation that speaks of HER2 is judged by its status; one that calls its gene so does.
    if !reader.pieces.is_empty() || miscalls_a_gene {
        if let Some(instead) = instead_by_status(observation.status, rules) {
            reader.pieces = vec![instead];
        } else if has_modifier(observation) {
            // FHIR: nobody may process a resource past a modifier extension that he does not know.
            reader.pieces = vec![Piece::Unread {
                test: UnreadTest::Either,
                detail: "Observation.modifierExtension changes what it means".to_owned(),
            }];
        } else if miscalls_a_gene
            || (names_other_gene && !reader.gene_is_erbb2 && reader.states_something())
        {
            reader.pieces = vec![Piece::Unread {
                test: UnreadTest::Either,
                detail: "Observation.component: the gene studied is another than that of its code"
                    .to_owned(),
            }];
        } else if let Some(number) = number_told_twice(&reader.pieces) {
            let is_number =
                |piece: &Piece| piece.is_about_ish() || matches!(piece, Piece::Clusters(_));
            reader.pieces.retain(|piece| !is_number(piece));
            reader.pieces.push(Piece::Unread {
                test: UnreadTest::Ish,
                detail: format!(
                    "Observation: it states two counts, and which of its numbers is of which is not told ({number})"
                ),
            });
        }
    }
    // What is no final statement, or changed in a way nobody knows, tells nothing of the tissue.
    if instead_by_status(observation.status, rules).is_some() || has_modifier(observation) {
        reader.facts.clear();
    }
    Normalised {
        pieces: reader.pieces,
        facts: reader.facts,
        is_panel: reader.is_panel,
        is_quotation: reader.is_quotation,
        concerns,
    }
}

/// A number of in situ hybridisation for which one Observation gives two values: its parts are of two counts, or of two
/// populations, and could be paired in more than one way.
fn number_told_twice(pieces: &[Piece]) -> Option<&'static str> {
    let told = |of: fn(&Piece) -> Option<&Measure>| {
        let mut values = pieces.iter().filter_map(of);
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let ratio = told(|piece| match piece {
        Piece::Ratio(value) => Some(value),
        _ => None,
    });
    let copies = told(|piece| match piece {
        Piece::Her2Copies(value) => Some(value),
        _ => None,
    });
    let population = told(|piece| match piece {
        Piece::Population(value) => Some(value),
        _ => None,
    });
    match (ratio, copies, population) {
        (true, true, _) => Some("ratio and copies"),
        (_, _, true) => Some("share of a population"),
        _ => None,
    }
}

/// The notes of an Observation, with their paths.
fn notes_of<'r>(observation: &ObservationNode<'r>) -> Vec<(String, &'r str)> {
    let notes = observation
        .resource
        .json
        .items_at("note")
        .iter()
        .enumerate();
    notes
        .filter_map(|(index, note)| {
            Some((format!("Observation.note[{index}]"), note.text_at("text")?))
        })
        .collect()
}

fn has_modifier(observation: &ObservationNode<'_>) -> bool {
    let json = &observation.resource.json;
    let is_modified = |json: &Json<'_>| !json.items_at("modifierExtension").is_empty();
    is_modified(json) || json.items_at("component").iter().any(is_modified)
}

/// What stands in place of all that an Observation of this status says; `None` where it counts as it is.
fn instead_by_status(status: Option<&str>, rules: InputRules) -> Option<Piece> {
    let why = match status {
        Some("final" | "amended" | "corrected") => return None,
        Some("preliminary") if rules.accept_preliminary => return None,
        Some("entered-in-error" | "cancelled") => "withdrawn by its sender",
        Some("registered" | "preliminary" | "partial" | "unknown") => "not yet final at its sender",
        Some(_) | None => {
            return Some(Piece::Unread {
                test: UnreadTest::Either,
                detail: "Observation.status is not a status".to_owned(),
            });
        }
    };
    Some(Piece::Excluded {
        why: format!("{why} (status {})", status.unwrap_or("")),
    })
}

impl Piece {
    /// What it says, whether coded or in narrative.
    pub(crate) fn said(&self) -> &Self {
        match self {
            Self::Narrated(piece, _) => piece,
            piece => piece,
        }
    }

    /// Whether it was read from narrative, or stands there unread.
    pub(crate) fn is_narrative(&self) -> bool {
        matches!(self, Self::Narrated(..) | Self::UnreadNarrative { .. })
    }

    /// Whether it belongs to an in situ hybridisation result.
    pub(crate) fn is_about_ish(&self) -> bool {
        matches!(
            self,
            Self::Ratio(_)
                | Self::Her2Copies(_)
                | Self::Cep17Copies(_)
                | Self::IshWord(..)
                | Self::Cells(_)
                | Self::Probe(_)
                | Self::Role(_)
                | Self::Population(_)
        )
    }

    /// Whether it belongs to an immunohistochemistry result.
    pub(crate) fn is_about_ihc(&self) -> bool {
        matches!(
            self,
            Self::Ihc(..)
                | Self::IhcInterpretation(_)
                | Self::IhcAdjective(_)
                | Self::IhcPercent(_)
                | Self::IhcIntensePercent(_)
                | Self::IhcStaining(_)
        )
    }
}

/// Why a value is no evidence, as the end of a sentence.
type Unread = String;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_a_final_result_counts_and_a_preliminary_one_where_a_site_accepts_it() {
        let strict = InputRules::default();
        let lenient = InputRules {
            accept_preliminary: true,
        };
        for status in ["final", "amended", "corrected"] {
            assert_eq!(instead_by_status(Some(status), strict), None, "{status}");
        }
        assert_eq!(instead_by_status(Some("preliminary"), lenient), None);
        for status in ["preliminary", "registered", "entered-in-error", "cancelled"] {
            let instead = instead_by_status(Some(status), strict);
            assert!(matches!(instead, Some(Piece::Excluded { .. })), "{status}");
        }
        for status in [None, Some(""), Some("Final")] {
            let instead = instead_by_status(status, lenient);
            assert!(
                matches!(
                    instead,
                    Some(Piece::Unread {
                        test: UnreadTest::Either,
                        ..
                    })
                ),
                "{status:?}"
            );
        }
    }
}
