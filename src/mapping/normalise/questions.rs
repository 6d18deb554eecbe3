//! What each question of an Observation asks, and whether its answer is read, left out or named as unreadable.

use super::tissue::{self, TissueFact};
use super::{Concern, Piece, answers, values};
use crate::fhir::candidates::Candidate;
use crate::fhir::elements::{Coding, Concept, Value};
use crate::her2::evidence::{IhcFinding, Origin, UnreadTest};
use crate::mapping::narrative::{self, Read};
use crate::mapping::table::{Answer, Finding, FindingRow, Mapping};
use crate::mapping::words::Said;

/// Where a question stands in its Observation.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// It is a component's.
    pub(super) is_component: bool,
    /// Its Observation has components or members.
    pub(super) has_parts: bool,
    /// Whatever its Observation says is about HER2.
    pub(super) about_her2: bool,
}

/// Collects what the questions of one Observation come to.
pub(super) struct Reader<'m, 'r> {
    pub(super) mapping: &'m Mapping,
    pub(super) pieces: Vec<Piece>,
    pub(super) facts: Vec<TissueFact>,
    pub(super) is_panel: bool,
    /// A component says that the gene studied is ERBB2.
    pub(super) gene_is_erbb2: bool,
    /// What its members say is quoted from an earlier specimen.
    pub(super) is_quotation: bool,
    /// The notes of the Observation, with their paths.
    pub(super) notes: Vec<(String, &'r str)>,
    /// The Observation itself asks for a hybridisation's result or one of its numbers.
    pub(super) of_hybridisation: bool,
}

impl Reader<'_, '_> {
    /// Whether a code of the question is mapped.
    pub(super) fn is_mapped(&self, candidate: &Candidate<'_>) -> bool {
        (candidate.code.codings.iter()).any(|coding| self.mapping.finding(coding).is_some())
    }

    /// Whether a question asks for a hybridisation's result or one of its numbers.
    pub(super) fn asks_for_hybridisation(&self, candidate: &Candidate<'_>) -> bool {
        (candidate.code.codings.iter())
            .filter_map(|coding| self.mapping.finding(coding))
            .any(|row| row.finding == Finding::IshResult || row.finding.is_number())
    }

    /// Whether a component asks for the gene studied.
    fn asks_for_gene(&self, candidate: &Candidate<'_>) -> bool {
        (candidate.code.codings.iter())
            .filter_map(|coding| self.mapping.finding(coding))
            .any(|row| row.finding == Finding::GeneStudied)
    }

    /// Whether a component names a gene by a code that is not ERBB2's, nor called so.
    pub(super) fn names_other_gene(&self, candidate: &Candidate<'_>) -> bool {
        self.asks_for_gene(candidate)
            && !self.names_erbb2(candidate)
            && !self.names_her2(candidate)
            && candidate.values.iter().any(|(_, value)| match value {
                Value::Concept(concept) => !concept.codings.is_empty(),
                _ => false,
            })
    }

    /// Of what concern a question was: `since` is the number of pieces before it was read.
    pub(super) fn concern(
        &self,
        candidate: &Candidate<'_>,
        since: usize,
        is_container: bool,
    ) -> Concern {
        let findings = || {
            (candidate.code.codings.iter())
                .filter_map(|coding| self.mapping.finding(coding))
                .map(|row| row.finding)
        };
        let says_something =
            |piece: &Piece| !matches!(piece, Piece::Excluded { .. } | Piece::Site(_));
        let is_read = (self.pieces.iter()).skip(since).any(says_something);
        if is_read || is_container || findings().any(Finding::is_about_her2) {
            Concern::Her2
        } else if findings().any(|finding| finding.exclusion().is_some()) {
            Concern::Excluded
        } else {
            Concern::None
        }
    }

    /// Whether a component calls a gene ERBB2 whose code is another's in the same system.
    pub(super) fn miscalls_a_gene_erbb2(&self, candidate: &Candidate<'_>) -> bool {
        let is_miscalled = |coding: &Coding<'_>| {
            let is_gene = (coding.system).is_some_and(|of| self.mapping.is_system_of_genes(of));
            let is_erbb2 = (self.mapping.answer(Finding::GeneStudied, coding))
                .is_some_and(|row| row.answer == Answer::Erbb2);
            let called = coding.display.unwrap_or("");
            is_gene && !is_erbb2 && self.mapping.words.names_her2(called)
        };
        self.asks_for_gene(candidate)
            && candidate.values.iter().any(|(_, value)| match value {
                Value::Concept(concept) => concept.codings.iter().any(is_miscalled),
                _ => false,
            })
    }

    /// Whether a component names ERBB2 as the gene studied.
    pub(super) fn names_erbb2(&self, candidate: &Candidate<'_>) -> bool {
        self.asks_for_gene(candidate)
            && candidate.values.iter().any(|(_, value)| match value {
                Value::Concept(concept) => (concept.codings.iter())
                    .filter_map(|coding| self.mapping.answer(Finding::GeneStudied, coding))
                    .any(|row| row.answer == Answer::Erbb2),
                _ => false,
            })
    }

    /// Whether anything was understood that is not left out.
    pub(super) fn states_something(&self) -> bool {
        (self.pieces.iter()).any(|piece| !matches!(piece, Piece::Excluded { .. }))
    }

    pub(super) fn candidate(&mut self, candidate: &Candidate<'_>, place: Place) {
        let rows: Vec<&FindingRow> = (candidate.code.codings.iter())
            .filter_map(|coding| self.mapping.finding(coding))
            .collect();
        if rows.is_empty() {
            self.unmapped(candidate, place);
            return;
        }
        if rows.iter().all(|row| row.finding.is_about_tissue()) {
            let finding = most_specific(&rows).map(|row| row.finding);
            if let ([(_, value)], Some(finding)) = (candidate.values.as_slice(), finding) {
                self.facts
                    .extend(tissue::fact_of(self.mapping, finding, value));
            }
            return;
        }
        let Some(row) = most_specific(&rows) else {
            self.unread(
                candidate,
                UnreadTest::Either,
                "its codes ask different questions",
            );
            return;
        };
        if let Some(why) = row.finding.exclusion() {
            let is_about_her2 = match row.finding {
                Finding::OtherMarker => false,
                // Its codes are those of any gene.
                Finding::Sequencing => self.gene_is_erbb2 || self.names_her2(candidate),
                _ => true,
            };
            if is_about_her2 {
                self.exclude(candidate, why);
            }
            return;
        }
        let finding = match row.finding {
            Finding::GenericIhc if self.gene_is_erbb2 => Finding::IhcScore,
            Finding::GenericIsh if self.gene_is_erbb2 => Finding::IshResult,
            Finding::GenericIhc | Finding::GenericIsh => {
                self.unmapped(candidate, place);
                return;
            }
            Finding::PreviousSpecimen => {
                self.is_quotation = true;
                return;
            }
            finding => finding,
        };
        let test = test_of(finding);
        if let Some(conflict) = self.code_conflict(candidate, finding) {
            self.unread(candidate, test, conflict);
            return;
        }
        if let Some(site) = row.site {
            self.pieces.push(Piece::Site(site));
        }
        self.read(candidate, finding, test, place);
    }

    /// Whether the question or its answer names HER2 in words.
    fn names_her2(&self, candidate: &Candidate<'_>) -> bool {
        let answers = candidate
            .values
            .iter()
            .flat_map(|(_, value)| words_of(value));
        let words: Vec<&str> = candidate.code.words().chain(answers).collect();
        self.mapping.words.names_her2(&words.join(" "))
    }

    /// A code nobody mapped: our concern if it names HER2 or stands among HER2 results.
    fn unmapped(&mut self, candidate: &Candidate<'_>, place: Place) {
        let mut words: Vec<&str> = candidate.code.words().collect();
        if !place.is_component {
            words.extend(
                candidate
                    .values
                    .iter()
                    .flat_map(|(_, value)| words_of(value)),
            );
        }
        let all = words.join(" ");
        let names_her2 = self.mapping.words.names_her2(&all);
        let says_nothing = candidate.values.is_empty()
            && candidate.interpretation.is_empty()
            && candidate.absent.is_none();
        // Beside what was understood of a HER2 result, a component that was not may be a part of it.
        let about_her2 = if place.is_component {
            self.is_panel || !self.pieces.is_empty()
        } else {
            place.about_her2 || self.is_codeless_score(candidate)
        };
        if !names_her2 && !about_her2 {
            return;
        }
        if says_nothing && place.has_parts && !place.is_component {
            self.is_panel = names_her2;
            return;
        }
        // Another marker in a HER2 panel is still another marker.
        if self.mapping.words.names_other_marker(&all) {
            return;
        }
        let of_component = place.is_component && !names_her2;
        let ihc = self.mapping.words.speaks_of_ihc(&all)
            || (of_component && self.pieces.iter().any(Piece::is_about_ihc));
        let ish = self.mapping.words.speaks_of_ish(&all)
            || (of_component && self.pieces.iter().any(Piece::is_about_ish));
        let test = match (ihc, ish) {
            // Whatever it says, it is neither of the two tests.
            _ if self.mapping.words.speaks_of_other_assay(&all) => UnreadTest::Neither,
            (true, false) => UnreadTest::Ihc,
            (false, true) => UnreadTest::Ish,
            _ => UnreadTest::Either,
        };
        self.unread(candidate, test, "its code is not mapped");
    }

    /// A score answered to no question at all: only HER2 is scored by these codes.
    fn is_codeless_score(&self, candidate: &Candidate<'_>) -> bool {
        let is_score = |value: &Value<'_>| match value {
            Value::Concept(concept) => (concept.codings.iter())
                .filter_map(|coding| self.mapping.answer(Finding::IhcScore, coding))
                .any(|row| row.answer.score().is_some()),
            _ => false,
        };
        candidate.code.codings.is_empty()
            && candidate.code.text.is_none()
            && candidate.values.iter().any(|(_, value)| is_score(value))
    }

    fn read(
        &mut self,
        candidate: &Candidate<'_>,
        finding: Finding,
        test: UnreadTest,
        place: Place,
    ) {
        match finding {
            Finding::Panel => {
                self.is_panel = true;
                if candidate.values.is_empty() {
                    let before = self.pieces.len();
                    self.interpretations(candidate, finding, test);
                    if self.pieces.len() == before && !place.has_parts && candidate.absent.is_none()
                    {
                        self.unread(
                            candidate,
                            test,
                            "a panel without members, components or value",
                        );
                    } else if self.pieces.len() == before && !place.has_parts {
                        self.without_value(candidate, finding, test, place);
                    }
                    return;
                }
            }
            Finding::Context | Finding::GeneStudied => return,
            Finding::Narrative => {
                self.narrative(candidate);
                return;
            }
            _ => {}
        }
        match candidate.values.as_slice() {
            [] => self.without_value(candidate, finding, test, place),
            [_] if candidate.absent.is_some() => {
                self.unread(
                    candidate,
                    test,
                    "it has both a value and a reason for having none",
                );
            }
            // Some senders give the mean of CEP17 the code of a score.
            [(_, Value::Quantity(_) | Value::Integer(_))]
                if finding == Finding::IhcScore && place.is_component && self.of_hybridisation =>
            {
                let why = "a number in the place of a score, among the parts of a hybridisation";
                self.unread(candidate, UnreadTest::Either, why);
            }
            [(_, value)] => self.with_value(candidate, finding, test, value),
            several => {
                let keys: Vec<&str> = several.iter().map(|(key, _)| *key).collect();
                self.unread(
                    candidate,
                    test,
                    &format!("it has more than one value ({})", keys.join(", ")),
                );
            }
        }
    }

    fn with_value(
        &mut self,
        candidate: &Candidate<'_>,
        finding: Finding,
        test: UnreadTest,
        value: &Value<'_>,
    ) {
        // A coded answer may name the primary site.
        if let Value::Concept(concept) = value {
            let site = (concept.codings.iter())
                .filter_map(|coding| self.mapping.answer(finding, coding))
                .find_map(|row| row.site);
            self.pieces.extend(site.map(Piece::Site));
        }
        if finding == Finding::IhcScore && values::states_nothing(self.mapping, value) {
            let place = format!("{} ({})", candidate.path, candidate.code.label());
            self.pieces.push(Piece::IhcAdjective(place));
            self.interpretations(candidate, finding, test);
            return;
        }
        match values::piece_of(self.mapping, finding, value) {
            Ok(piece) => {
                // A word may stand beside a number that is said not to be documented.
                let is_result = piece != Some(Piece::NoResult) || finding.is_number();
                self.pieces.extend(piece);
                if answers::has_remark(self.mapping, value.text()) && !finding.is_number() {
                    self.unread(candidate, test, "a remark follows its answer");
                }
                if finding == Finding::OverallStatus && values::excludes_low(self.mapping, value) {
                    self.pieces.push(Piece::NotLow);
                }
                // "0+" is a score 0 with staining.
                if finding == Finding::IhcScore && values::is_stained_zero(self.mapping, value) {
                    self.pieces.push(Piece::IhcStaining(true));
                }
                if is_result {
                    self.interpretations(candidate, finding, test);
                }
            }
            Err(why) => {
                // Words in the place of a number answer another question than was asked.
                let is_told = finding.is_answered_in_words()
                    && value
                        .text()
                        .is_some_and(|text| self.tell(&candidate.path, text, test));
                if !is_told {
                    self.unread(candidate, test, &why);
                }
            }
        }
    }

    /// Reads the text of an answer as narrative; whether all of it that is about HER2 was understood.
    fn tell(&mut self, path: &str, text: &str, test: UnreadTest) -> bool {
        let read = self.mapping.narrative.read(text, Some(test));
        let is_told = !read.readings.is_empty() && read.unread.is_empty();
        if is_told {
            self.pieces.extend(pieces_of(path, text, &read));
        }
        is_told
    }

    /// Reads the notes beside what the Observation says of HER2.
    pub(super) fn notes(&mut self) {
        let about_ihc = self.pieces.iter().any(Piece::is_about_ihc);
        let about_ish = self.pieces.iter().any(Piece::is_about_ish);
        let about = match (about_ihc, about_ish) {
            (true, false) => UnreadTest::Ihc,
            (false, true) => UnreadTest::Ish,
            _ => UnreadTest::Either,
        };
        let is_about_her2 = (self.pieces.iter())
            .any(|piece| !matches!(piece, Piece::Excluded { .. } | Piece::Site(_)));
        for (path, text) in std::mem::take(&mut self.notes) {
            if is_about_her2 {
                let read = self.mapping.narrative.read(text, Some(about));
                self.pieces.extend(pieces_of(&path, text, &read));
            }
        }
    }

    /// No value: an absent reason, a result in the interpretation, or a container.
    fn without_value(
        &mut self,
        candidate: &Candidate<'_>,
        finding: Finding,
        test: UnreadTest,
        place: Place,
    ) {
        if let Some(absent) = &candidate.absent {
            let no_result = (absent.codings.iter())
                .filter_map(|coding| self.mapping.answer(finding, coding))
                .any(|row| row.answer == Answer::NoResult);
            if !candidate.interpretation.is_empty() {
                let why = "it has both an interpretation and a reason for having no value";
                self.unread(candidate, test, why);
            } else if no_result {
                self.pieces.push(Piece::NoResult);
            } else {
                let label = absent.label();
                self.unread(candidate, test, &format!("its value is absent ({label})"));
            }
            return;
        }
        if !candidate.interpretation.is_empty() {
            let before = self.pieces.len();
            self.interpretations(candidate, finding, test);
            for piece in self.pieces.iter_mut().skip(before) {
                // Without a value the interpretation is the result.
                if let Piece::IhcInterpretation(word) = piece {
                    *piece = Piece::Ihc(IhcFinding::Stated(*word), Origin::Coded);
                }
            }
            if self.pieces.len() > before {
                return;
            }
        }
        if !place.has_parts || place.is_component {
            self.unread(candidate, test, "it has no value");
        }
    }

    /// The words beside a value.
    fn interpretations(&mut self, candidate: &Candidate<'_>, finding: Finding, test: UnreadTest) {
        for concept in &candidate.interpretation {
            let (answer, origin) = match answers::in_concept(self.mapping, finding, concept) {
                Ok((Said::Answer(Answer::NoStatement), _)) => continue,
                Ok((Said::Answer(answer), origin)) => (Some(answer), origin),
                Ok((Said::Scores(_), origin)) => (None, origin),
                Err(_) => (None, Origin::Coded),
            };
            let piece = answer.and_then(|answer| match test {
                UnreadTest::Ihc => answer.stated().map(Piece::IhcInterpretation),
                UnreadTest::Ish => answer.ish_word().map(|word| Piece::IshWord(word, origin)),
                _ if finding == Finding::OverallStatus => answer.stated().map(Piece::Overall),
                _ => None,
            });
            match piece {
                Some(piece @ Piece::Overall(_)) if self.pieces.contains(&piece) => {}
                // Only a text that stands without codes is read.
                Some(piece)
                    if concept.codings.is_empty()
                        && answers::has_remark(self.mapping, concept.text) =>
                {
                    self.pieces.push(piece);
                    self.unread(candidate, test, "a remark follows its interpretation");
                }
                Some(piece) => self.pieces.push(piece),
                None => self.unread(
                    candidate,
                    UnreadTest::Neither,
                    "its interpretation is not mapped",
                ),
            }
        }
    }

    /// Whether the assay has one probe or two.
    pub(super) fn method(&mut self, method: &Concept<'_>) {
        if (self.pieces.iter()).any(|piece| matches!(piece, Piece::Probe(_))) {
            return;
        }
        let in_codes = (method.codings.iter())
            .filter_map(|coding| self.mapping.answer(Finding::IshProbe, coding))
            .find_map(|row| row.answer.probe());
        let in_words = || {
            method
                .words()
                .find_map(|text| match self.mapping.words.read(text) {
                    Some(Said::Answer(answer)) => answer.probe(),
                    _ => None,
                })
        };
        let probe = in_codes.or_else(in_words);
        self.pieces.extend(probe.map(Piece::Probe));
    }

    /// A method of the other test contradicts what is asked.
    pub(super) fn method_of_other_test(&mut self, method: &Concept<'_>, about_ihc: bool) {
        let words = &self.mapping.words;
        let text = method.words().collect::<Vec<_>>().join(" ");
        let (of_ihc, of_ish) = (words.speaks_of_ihc(&text), words.speaks_of_ish(&text));
        let test = match (about_ihc, of_ihc, of_ish) {
            (true, false, true) => UnreadTest::Ihc,
            (false, true, false) => UnreadTest::Ish,
            _ => return,
        };
        self.pieces.push(Piece::Unread {
            test,
            detail: "Observation.method is that of another test than its code".to_owned(),
        });
    }

    /// A display or text of a question that names another marker, the other test, or nothing of what its code is called.
    fn code_conflict(&self, candidate: &Candidate<'_>, finding: Finding) -> Option<&'static str> {
        let words = &self.mapping.words;
        let other_test = |text: &str| match test_of(finding) {
            UnreadTest::Ihc => words.speaks_of_ish(text) && !words.speaks_of_ihc(text),
            UnreadTest::Ish => words.speaks_of_ihc(text) && !words.speaks_of_ish(text),
            UnreadTest::Either | UnreadTest::Neither => false,
        };
        let displays = candidate
            .code
            .codings
            .iter()
            .filter(|coding| self.mapping.finding(coding).is_some())
            .filter_map(|coding| coding.display)
            .chain(candidate.code.text);
        for text in displays {
            if words.names_other_marker(text) {
                return Some("its display or text names another marker than its code");
            }
            if other_test(text) {
                return Some("its display or text names another test than its code");
            }
        }
        let names_nothing_of_it = |text: &str| {
            !(words.names_her2(text) || words.speaks_of_ihc(text) || words.speaks_of_ish(text))
        };
        let is_misused = (candidate.code.codings.iter()).any(|coding| {
            let is_her2s =
                (self.mapping.display_of(coding)).is_some_and(|own| words.names_her2(own));
            is_her2s && coding.display.is_some_and(names_nothing_of_it)
        });
        is_misused.then_some("its display names another thing than its code")
    }

    /// Free text about the whole report.
    fn narrative(&mut self, candidate: &Candidate<'_>) {
        for (_, value) in &candidate.values {
            for text in words_of(value) {
                let read = self.mapping.narrative.read(text, None);
                let pieces = pieces_of(&candidate.path, text, &read);
                if pieces.is_empty() && (read.names_her2 || self.mapping.words.names_her2(text)) {
                    self.pieces.push(Piece::UnreadNarrative {
                        test: UnreadTest::Either,
                        detail: format!("{}: {}", candidate.path, NAMES_HER2),
                        is_history: false,
                    });
                }
                self.pieces.extend(pieces);
            }
        }
    }

    fn unread(&mut self, candidate: &Candidate<'_>, test: UnreadTest, why: &str) {
        self.pieces.push(Piece::Unread {
            test,
            detail: format!("{} ({}): {why}", candidate.path, candidate.code.label()),
        });
    }

    fn exclude(&mut self, candidate: &Candidate<'_>, why: &str) {
        self.pieces.push(Piece::Excluded {
            why: format!("{} ({}): {why}", candidate.path, candidate.code.label()),
        });
    }
}

/// Why a narrative is left to a person that names HER2 and says nothing that is read.
pub const NAMES_HER2: &str = "it names HER2 in free text and states no result that is read";

/// What was read in a text, as pieces.
pub fn pieces_of(path: &str, text: &str, read: &Read) -> Vec<Piece> {
    let said = read
        .readings
        .iter()
        .map(|reading| match reading.said.piece() {
            Piece::NoResult => Piece::NoResult,
            piece => Piece::Narrated(
                Box::new(piece),
                narrative::passage(path, text, &reading.span),
            ),
        });
    let unread = read.unread.iter().map(|unread| Piece::UnreadNarrative {
        test: unread.test,
        detail: format!(
            "{path}, characters {} to {}: {}",
            unread.span.start, unread.span.end, unread.why
        ),
        is_history: unread.is_history,
    });
    said.chain(unread).collect()
}

/// The short texts of a value.
fn words_of<'r>(value: &Value<'r>) -> Vec<&'r str> {
    match value {
        Value::Concept(concept) => concept.words().collect(),
        Value::Text(text) => vec![text],
        _ => Vec::new(),
    }
}

/// A specific code beside the overall one or a generic one says what is meant; two different questions contradict.
fn most_specific<'r>(rows: &[&'r FindingRow]) -> Option<&'r FindingRow> {
    let mut specific: Vec<&'r FindingRow> = rows
        .iter()
        .filter(|row| {
            !matches!(
                row.finding,
                Finding::OverallStatus | Finding::GenericIhc | Finding::GenericIsh
            )
        })
        .copied()
        .collect();
    specific.dedup_by_key(|row| row.finding);
    match specific.as_slice() {
        [] => (rows.iter())
            .find(|row| row.finding != Finding::OverallStatus)
            .or(rows.first())
            .copied(),
        [only] => Some(only),
        _ => None,
    }
}

fn test_of(finding: Finding) -> UnreadTest {
    match finding {
        Finding::IhcScore
        | Finding::IhcPercentStained
        | Finding::IhcPercentIntense
        | Finding::IhcStainingPresent => UnreadTest::Ihc,
        Finding::IshResult
        | Finding::IshRatio
        | Finding::IshHer2Copies
        | Finding::IshCep17Copies
        | Finding::IshCells
        | Finding::IshProbe
        | Finding::IshRecount
        | Finding::IshAdjudicated
        | Finding::IshPopulationPercent
        | Finding::Panel => UnreadTest::Ish,
        Finding::IshCluster => UnreadTest::Neither,
        Finding::GenericIhc => UnreadTest::Ihc,
        Finding::GenericIsh => UnreadTest::Ish,
        Finding::OverallStatus
        | Finding::Context
        | Finding::GeneStudied
        | Finding::PreviousSpecimen
        | Finding::Narrative
        | Finding::SerumHer2
        | Finding::TissueImmunoassay
        | Finding::GeneExpression
        | Finding::Sequencing
        | Finding::OtherMarker => UnreadTest::Either,
        Finding::FixationHours
        | Finding::ColdIschemiaMinutes
        | Finding::Decalcified
        | Finding::HistologicGrade
        | Finding::Fixative => UnreadTest::Neither,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_test_of_its_own_is_more_specific_than_the_overall_status() {
        let row = |finding| FindingRow {
            finding,
            site: None,
        };
        let (overall, ihc, ish) = (
            row(Finding::OverallStatus),
            row(Finding::IhcScore),
            row(Finding::IshResult),
        );
        assert_eq!(most_specific(&[&overall, &ihc]), Some(&ihc));
        assert_eq!(most_specific(&[&ihc, &ihc]), Some(&ihc));
        assert_eq!(most_specific(&[&overall]), Some(&overall));
        assert_eq!(most_specific(&[&ihc, &ish]), None);
    }
}
