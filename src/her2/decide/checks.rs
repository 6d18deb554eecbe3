//! What the tests come to, held against everything else that was said about the case.

use enumset::EnumSet;

use super::Case;
use super::outcome::Outcome;
use crate::her2::decision::{Category, NextAction, Review, ReviewCode, Status};
use crate::her2::evidence::{
    CountRole, IshResult, IshWord, ReportedStatus, Score, StatedResult, UnreadTest,
};
use crate::her2::guideline::Ihc;
use crate::her2::readings::{Count, Counts, IhcReading, IshReading, Readings, Share};
use crate::her2::reason::Reason;

impl Case<'_> {
    /// A word that is usual for its numbers may still not follow from them together with the IHC
    /// ("amplified" under the 2013 rules for a group 2 or 3). Where both decide and differ, nobody is overridden.
    pub(super) fn hold_against_ish_word(
        &self,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        self.hold_words(stated(&self.ish), outcome.status, outcome, contradictions);
    }

    /// The same of each further population that is judged apart.
    pub(super) fn hold_populations_against_words(
        &self,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        for population in &self.further {
            if population.share != Share::Small
                && let Some(apart) = self.judged_apart(population)
            {
                self.hold_words(
                    stated(&population.ish),
                    apart.status,
                    outcome,
                    contradictions,
                );
            }
        }
    }

    fn hold_words(
        &self,
        words: Counts,
        judged: Status,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        for word in words {
            if self.ends_otherwise(word, judged) {
                contradictions.push(self.contradicted_by(word));
                self.withhold(outcome);
            }
        }
    }

    /// Whether a word alone decides, and otherwise.
    fn ends_otherwise(&self, word: Count, status: Status) -> bool {
        let as_word = IshReading {
            initial: EnumSet::only(word),
            ..IshReading::default()
        };
        status.is_decided()
            && (self.ihc.readings.iter())
                .map(|ihc| self.over_possibilities(*ihc, as_word).status)
                .any(|by_word| by_word.is_decided() && by_word != status)
    }

    fn contradicted_by(&self, word: Count) -> Review {
        let stated = match word {
            Count::Amplified => IshWord::Amplified,
            _ => IshWord::NotAmplified,
        };
        let says_so = |result: &&IshResult| result.has_numbers() && result.result == Some(stated);
        Review {
            code: ReviewCode::StatusContradictsData,
            detail: "the stated ISH result is not what follows from its numbers and the IHC".into(),
            source: (self.evidence.ish.iter())
                .find(says_so)
                .map(|result| result.source.clone()),
        }
    }

    /// The sender's overall status is an opinion: where ours is open the table stands, with review; where both are
    /// decided and differ, two statements cannot both be true and none is given.
    pub(super) fn hold_against_reported(
        &self,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        if self.nothing_was_read() {
            return;
        }
        let before = outcome.status;
        for reported in &self.evidence.reported {
            let stated = match reported.value {
                StatedResult::Positive => Status::Positive,
                StatedResult::Negative => Status::Negative,
                // An open status was true until the ISH came.
                StatedResult::Equivocal | StatedResult::Indeterminate => {
                    if before.is_decided() && self.evidence.ish.is_empty() {
                        self.question_open_status(reported, outcome, contradictions);
                    }
                    continue;
                }
            };
            if stated == before {
                continue;
            }
            contradictions.push(Review {
                code: ReviewCode::StatusContradictsData,
                detail: format!(
                    "the sender states HER2 {}, which is not what follows from its results",
                    stated.name()
                )
                .into(),
                source: Some(reported.source.clone()),
            });
            if before.is_decided() {
                self.withhold(outcome);
            }
        }
    }

    /// A status that rules out HER2-low beside results that are: negative by both, and which kind is a question.
    pub(super) fn hold_against_not_low(
        &self,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        if outcome.category != Category::Low {
            return;
        }
        for source in &self.evidence.not_low {
            contradictions.push(Review {
                code: ReviewCode::StatusContradictsData,
                detail: "the sender states HER2 negative and not low, and its results are low"
                    .into(),
                source: Some(source.clone()),
            });
            outcome.ask(NextAction::ReviewDiscordance);
        }
    }

    /// An overall status that is left open beside a score that is not.
    fn question_open_status(
        &self,
        reported: &ReportedStatus,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        contradictions.push(Review {
            code: ReviewCode::StatusContradictsData,
            detail: format!(
                "the sender states HER2 {}, although its score decides",
                reported.value.name()
            )
            .into(),
            source: Some(reported.source.clone()),
        });
        outcome.ask(NextAction::ReviewDiscordance);
    }

    /// A failed count beside IHC 0 or 1+: IHC decides, but numbers that look amplified are shown to a person.
    pub(super) fn hold_against_failed_count(&self, outcome: &mut Outcome) {
        // What is positive beside a 2+ without a further count is amplified.
        let is_amplified = |count: Count| {
            let answer = self.answered(Ihc::Score(Score::TwoPlus), count.as_ish());
            answer.status == Status::Positive
        };
        let of_populations = (self.further.iter())
            .filter(|population| population.share != Share::Small)
            .flat_map(|population| &population.ish.readings);
        let looks_amplified = (self.ish.readings.iter().chain(of_populations))
            .any(|ish| ish.failed_numbers.iter().any(is_amplified));
        if outcome.status == Status::Negative && looks_amplified {
            outcome.review |= ReviewCode::IhcIshDiscordant;
            outcome.ask(NextAction::ReviewDiscordance);
        }
    }

    /// What was sent and not understood might be any result of its test: the status stands only if it would
    /// be the same for each.
    pub(super) fn hold_against_unreadable(&self, outcome: &mut Outcome) {
        if self.evidence.unreadable.is_empty() {
            return;
        }
        let is_unread = |test| {
            (self.evidence.unreadable.iter())
                .any(|item| item.test == test || item.test == UnreadTest::Either)
        };
        let (ihc_is_unread, ish_is_unread) =
            (is_unread(UnreadTest::Ihc), is_unread(UnreadTest::Ish));
        let any_score = IhcReading::OneOf(EnumSet::all());
        let any_count = IshReading {
            initial: self.by.any_dual(),
            ..IshReading::default()
        };
        let same = |ihc, ish| self.over_possibilities(ihc, ish).status == outcome.status;
        let stands = self.pairs_of_readings().all(|(ihc, ish)| {
            (!ihc_is_unread || same(any_score, ish)) && (!ish_is_unread || same(ihc, any_count))
        });
        if !stands && outcome.status.is_decided() {
            *outcome = Outcome::undecided(
                self.is_two_plus(),
                self.convention("unreadable-data"),
                Reason::Unreadable,
            );
        } else {
            let is_of_ish =
                (self.evidence.unreadable.iter()).any(|item| item.test == UnreadTest::Ish);
            // The test was done: what is missing is its result.
            if is_of_ish && outcome.action == NextAction::ReflexIsh {
                outcome.action = NextAction::ObtainData;
            }
            outcome.ask(NextAction::ObtainData);
        }
    }

    /// Where the case stays open for lack of a test that was done on another tissue, that is its review item.
    pub(super) fn look_for_other_tissue(&self, outcome: &mut Outcome) {
        if outcome.status.is_decided() {
            return;
        }
        let lacks_ihc = self.evidence.ihc.is_empty() && !self.evidence.other_tissue.ihc.is_empty();
        let lacks_ish = self.evidence.ish.is_empty() && !self.evidence.other_tissue.ish.is_empty();
        if lacks_ihc || lacks_ish {
            outcome.review |= ReviewCode::OtherTissue;
        }
        if !self.evidence.quoted.is_empty() {
            outcome.review |= ReviewCode::QuotedResult;
        }
    }

    /// A signed result that mentions a second observer was closed by a count that is not on record: our own open question
    /// says so.
    pub(super) fn look_for_second_observer(&self, outcome: &mut Outcome) {
        let is_initial = |result: &IshResult| result.role == CountRole::Initial;
        let one_count_only =
            !self.evidence.ish.is_empty() && self.evidence.ish.iter().all(is_initial);
        if !outcome.status.is_decided()
            && one_count_only
            && !self.evidence.second_observer.is_empty()
        {
            outcome.review |= ReviewCode::SecondObserver;
        }
    }

    /// A case without any result asks for one.
    pub(super) fn name_what_is_missing(&self, outcome: &mut Outcome) {
        if !self.nothing_was_read() {
            return;
        }
        let evidence = self.evidence;
        if !evidence.unreadable.is_empty() {
            outcome.reason = Reason::Unreadable;
        }
        // What is missing is named by what could not be read or is quoted.
        if !(evidence.unreadable.is_empty() && evidence.quoted.is_empty()) {
            outcome.review -= ReviewCode::DataMissing;
        }
        // A statement without IHC or ISH beside it asks for them.
        if !(evidence.reported.is_empty() && evidence.quoted.is_empty()) {
            outcome.action = NextAction::ObtainData;
        }
    }

    fn nothing_was_read(&self) -> bool {
        self.evidence.ihc.is_empty() && self.evidence.ish.is_empty()
    }

    /// Whether the IHC is a 2+ and nothing else.
    pub(super) fn is_two_plus(&self) -> bool {
        self.ihc.readings == [IhcReading::Score(Score::TwoPlus)]
    }

    fn withhold(&self, outcome: &mut Outcome) {
        *outcome = Outcome::contradictory(self.convention("contradictory-data"));
    }
}

/// The words that a laboratory sets beside its numbers.
fn stated(ish: &Readings<IshReading>) -> Counts {
    (ish.readings.iter()).fold(Counts::empty(), |all, ish| all | ish.stated)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::conventions::Conventions;
    use crate::her2::decide::decide;
    use crate::her2::decision::Decision;
    use crate::her2::evidence::{
        Evidence, IhcFinding, IhcResult, IshResult, IshWord, JoinedBy, Probe, ReportedStatus, Site,
        SiteFinding, Source, Unreadable,
    };
    use crate::her2::guideline::Edition;
    use crate::her2::number::Measure;

    fn source() -> Source {
        Source::unversioned("Observation/1")
    }

    fn case(score: Score) -> Evidence {
        Evidence {
            ihc: vec![IhcResult::new(
                IhcFinding::Score(EnumSet::only(score)),
                source(),
            )],
            ..Evidence::new(SiteFinding::Known(Site::Breast), JoinedBy::Specimen)
        }
    }

    fn count(ratio: &str, copies: &str) -> IshResult {
        IshResult {
            probe: Some(Probe::Dual),
            ratio: Some(Measure::parse(ratio).unwrap()),
            her2_copies: Some(Measure::parse(copies).unwrap()),
            cells: Some(Measure::parse("40").unwrap()),
            ..IshResult::new(source())
        }
    }

    fn decided(evidence: &Evidence) -> Decision {
        decide(evidence, Edition::AscoCap2018, &Conventions::default())
    }

    fn codes(decision: &Decision) -> Vec<ReviewCode> {
        decision.review.iter().map(|review| review.code).collect()
    }

    #[test]
    fn a_reported_status_withholds_a_decided_one_and_leaves_an_open_one_as_it_is() {
        let reported = |score| {
            decided(&Evidence {
                reported: vec![ReportedStatus {
                    value: StatedResult::Positive,
                    passage: None,
                    source: source(),
                }],
                ..case(score)
            })
        };
        for (score, status) in [
            (Score::OnePlus, Status::Insufficient),
            (Score::TwoPlus, Status::Equivocal),
        ] {
            let decision = reported(score);
            assert_eq!(decision.status, status);
            assert_eq!(codes(&decision), [ReviewCode::StatusContradictsData]);
        }
        let agreed = reported(Score::ThreePlus);
        assert_eq!(agreed.status, Status::Positive);
        assert!(agreed.review.is_empty());
    }

    #[test]
    fn an_unreadable_input_leaves_only_what_it_cannot_change() {
        let unread = |score, test| {
            decided(&Evidence {
                unreadable: vec![Unreadable {
                    test,
                    detail: "not read".to_owned(),
                    source: source(),
                }],
                ish: vec![count("2.5", "6.0")],
                ..case(score)
            })
        };
        // Group 1 is positive whatever the score is, and 3+ whatever the count is.
        let kept = unread(Score::ThreePlus, UnreadTest::Either);
        assert_eq!(kept.status, Status::Positive);
        assert_eq!(kept.next_action, NextAction::ObtainData);
        assert_eq!(
            unread(Score::OnePlus, UnreadTest::Ihc).status,
            Status::Positive
        );
        assert_eq!(
            unread(Score::OnePlus, UnreadTest::Ish).status,
            Status::Insufficient
        );
        let two_plus = unread(Score::TwoPlus, UnreadTest::Ish);
        assert_eq!(two_plus.status, Status::Equivocal);
        assert_eq!(two_plus.category, Category::Equivocal);
        assert_eq!(
            unread(Score::TwoPlus, UnreadTest::Neither).status,
            Status::Positive
        );
    }

    #[test]
    fn a_failed_count_that_looks_amplified_is_shown_beside_a_negative_status() {
        let failed = |ratio, copies| {
            decided(&Evidence {
                ish: vec![IshResult {
                    cells: Some(Measure::parse("19").unwrap()),
                    ..count(ratio, copies)
                }],
                ..case(Score::OnePlus)
            })
        };
        let amplified = failed("2.0", "4.0");
        assert_eq!(amplified.status, Status::Negative);
        assert_eq!(amplified.next_action, NextAction::ReviewDiscordance);
        assert_eq!(codes(&amplified), [ReviewCode::IhcIshDiscordant]);
        assert!(failed("1.99", "4.0").review.is_empty());
    }

    #[test]
    fn a_failed_recount_or_adjudication_that_looks_amplified_is_shown_too() {
        for role in [CountRole::Recount, CountRole::Adjudicated] {
            let decision = decided(&Evidence {
                ish: vec![IshResult {
                    cells: Some(Measure::parse("19").unwrap()),
                    role,
                    ..count("2.0", "4.0")
                }],
                ..case(Score::OnePlus)
            });
            assert_eq!(decision.status, Status::Negative);
            assert_eq!(codes(&decision), [ReviewCode::IhcIshDiscordant]);
        }
    }

    #[test]
    fn a_usual_word_that_ends_differently_with_the_ihc_withholds_the_status() {
        let stated = |score| {
            decided(&Evidence {
                ish: vec![IshResult {
                    result: Some(IshWord::Amplified),
                    ..count("2.1", "3.5")
                }],
                ..case(score)
            })
        };
        assert_eq!(stated(Score::OnePlus).status, Status::Insufficient);
        assert_eq!(stated(Score::TwoPlus).next_action, NextAction::RecountIsh);
        assert_eq!(stated(Score::ThreePlus).status, Status::Positive);
    }

    #[test]
    fn a_case_without_any_result_asks_for_one() {
        let empty = Evidence {
            ihc: Vec::new(),
            ..case(Score::Zero)
        };
        assert_eq!(codes(&decided(&empty)), [ReviewCode::DataMissing]);
        let quoted = decided(&Evidence {
            quoted: vec![source()],
            ..empty.clone()
        });
        assert_eq!(quoted.next_action, NextAction::ObtainData);
        assert_eq!(codes(&quoted), [ReviewCode::QuotedResult]);
        let stated = decided(&Evidence {
            reported: vec![ReportedStatus {
                value: StatedResult::Negative,
                passage: None,
                source: source(),
            }],
            ..empty.clone()
        });
        assert_eq!(stated.next_action, NextAction::ObtainData);
        assert_eq!(codes(&stated), [ReviewCode::DataMissing]);
        assert!(!stated.reasons.contains(&Reason::Unreadable));
        let unread = decided(&Evidence {
            unreadable: vec![Unreadable {
                test: UnreadTest::Either,
                detail: "not read".to_owned(),
                source: source(),
            }],
            ..empty
        });
        assert_eq!(unread.next_action, NextAction::ObtainData);
        assert_eq!(codes(&unread), [ReviewCode::ValueUnreadable]);
        assert!(unread.reasons.contains(&Reason::Unreadable));
    }

    #[test]
    fn a_word_is_held_against_numbers_that_are_read_two_ways_too() {
        let from_no_cells = decided(&Evidence {
            ish: vec![IshResult {
                cells: Some(Measure::parse("0").unwrap()),
                result: Some(IshWord::Amplified),
                ..count("2.1", "3.5")
            }],
            ..case(Score::OnePlus)
        });
        assert_eq!(from_no_cells.status, Status::Insufficient);
        assert_eq!(
            codes(&from_no_cells),
            [
                ReviewCode::ValueImplausible,
                ReviewCode::StatusContradictsData
            ]
        );
    }

    #[test]
    fn a_word_that_differs_is_named_with_its_resource() {
        let stated = |word, ratio, copies| {
            let decision = decided(&Evidence {
                ish: vec![
                    IshResult {
                        source: Source::unversioned("Observation/0"),
                        role: CountRole::Recount,
                        ..count("2.0", "3.9")
                    },
                    IshResult {
                        result: Some(word),
                        ..count(ratio, copies)
                    },
                ],
                ..case(Score::OnePlus)
            });
            decision.review.first().unwrap().source.clone()
        };
        assert_eq!(stated(IshWord::Amplified, "2.1", "3.5"), Some(source()));
    }

    #[test]
    fn an_open_status_beside_a_score_that_decides_is_a_question_until_ish_came() {
        let reported = |value, ish: Vec<IshResult>, score| {
            decided(&Evidence {
                reported: vec![ReportedStatus {
                    value,
                    passage: None,
                    source: source(),
                }],
                ish,
                ..case(score)
            })
        };
        for value in [StatedResult::Equivocal, StatedResult::Indeterminate] {
            let alone = reported(value, Vec::new(), Score::OnePlus);
            assert_eq!(alone.status, Status::Negative);
            assert_eq!(codes(&alone), [ReviewCode::StatusContradictsData]);
            assert_eq!(alone.next_action, NextAction::ReviewDiscordance);
            let with_ish = reported(value, vec![count("1.2", "3.0")], Score::OnePlus);
            assert!(with_ish.review.is_empty());
            let open = reported(value, Vec::new(), Score::TwoPlus);
            assert!(open.review.is_empty());
        }
    }

    #[test]
    fn an_unreadable_count_leaves_a_status_that_no_count_changes() {
        let unread = |test, score| {
            decided(&Evidence {
                unreadable: vec![Unreadable {
                    test,
                    detail: "not read".to_owned(),
                    source: source(),
                }],
                ..case(score)
            })
        };
        let three_plus = unread(UnreadTest::Ish, Score::ThreePlus);
        assert_eq!(three_plus.status, Status::Positive);
        // The count may be group 1, and the other score 3+.
        for test in [UnreadTest::Ish, UnreadTest::Ihc] {
            let one_plus = unread(test, Score::OnePlus);
            assert_eq!(one_plus.status, Status::Insufficient);
            assert!(one_plus.reasons.contains(&Reason::Unreadable));
        }
    }

    #[test]
    fn a_statement_without_a_test_asks_for_the_results_behind_it() {
        let untested = || Evidence {
            ihc: Vec::new(),
            ..case(Score::Zero)
        };
        let quoted = decided(&Evidence {
            quoted: vec![source()],
            ..untested()
        });
        assert_eq!(quoted.next_action, NextAction::ObtainData);
        let reported = decided(&Evidence {
            reported: vec![ReportedStatus {
                value: StatedResult::Negative,
                passage: None,
                source: source(),
            }],
            ..untested()
        });
        assert_eq!(reported.next_action, NextAction::ObtainData);
        assert_eq!(decided(&untested()).next_action, NextAction::None);
    }
}
