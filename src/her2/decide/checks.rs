//! What the tests come to, held against everything else that was said about the case.

use enumset::EnumSet;

use super::Case;
use super::outcome::Outcome;
use crate::her2::decision::{NextAction, Review, ReviewCode, Status};
use crate::her2::evidence::{IshResult, ReportedStatus, Score, StatedResult, UnreadTest};
use crate::her2::readings::{Count, Counts, IhcReading, IshReading, any_group, count_by_word};
use crate::her2::reason::Reason;

impl Case<'_> {
    /// A word that is usual for its numbers may still not follow from them together with the IHC
    /// ("amplified" under the 2013 rules for a group 2 or 3). Where both decide and differ, nobody is overridden.
    pub(super) fn hold_against_ish_word(
        &self,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        let words = (self.ish.readings.iter()).fold(Counts::empty(), |all, ish| all | ish.stated);
        for word in words {
            let as_word = IshReading {
                initial: EnumSet::only(word),
                ..IshReading::default()
            };
            let differs = outcome.status.is_decided()
                && (self.ihc.readings.iter())
                    .map(|ihc| self.over_possibilities(*ihc, as_word).status)
                    .any(|status| status.is_decided() && status != outcome.status);
            if differs {
                let says_so = |result: &&IshResult| {
                    result.has_numbers() && result.result.and_then(count_by_word) == Some(word)
                };
                contradictions.push(Review {
                    code: ReviewCode::StatusContradictsData,
                    detail:
                        "the stated ISH result is not what follows from its numbers and the IHC"
                            .to_owned(),
                    source: (self.evidence.ish.iter())
                        .find(says_so)
                        .map(|result| result.source.clone()),
                });
                self.withhold(outcome);
            }
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
                ),
                source: Some(reported.source.clone()),
            });
            if before.is_decided() {
                self.withhold(outcome);
            }
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
            ),
            source: Some(reported.source.clone()),
        });
        if outcome.action == NextAction::None {
            outcome.action = NextAction::ReviewDiscordance;
        }
    }

    /// A failed count beside IHC 0 or 1+: IHC decides, but numbers that look amplified are shown to a person.
    pub(super) fn hold_against_failed_count(&self, outcome: &mut Outcome) {
        let amplified = Count::Group1 | Count::SingleFrom6;
        let looks_amplified =
            (self.ish.readings.iter()).any(|ish| !ish.failed_numbers.is_disjoint(amplified));
        if outcome.status == Status::Negative && looks_amplified {
            outcome.review.push(ReviewCode::IhcIshDiscordant);
            if outcome.action == NextAction::None {
                outcome.action = NextAction::ReviewDiscordance;
            }
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
            initial: any_group(),
            ..IshReading::default()
        };
        let same = |ihc, ish| self.over_possibilities(ihc, ish).status == outcome.status;
        let stands = self.pairs_of_readings().all(|(ihc, ish)| {
            (!ihc_is_unread || same(any_score, ish)) && (!ish_is_unread || same(ihc, any_count))
        });
        if !stands && outcome.status.is_decided() {
            *outcome = Outcome::undecided(
                self.ihc.readings == [IhcReading::Score(Score::TwoPlus)],
                self.convention("unreadable-data"),
                Reason::Unreadable,
            );
        } else if outcome.action == NextAction::None {
            outcome.action = NextAction::ObtainData;
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
            outcome.review.push(ReviewCode::OtherTissue);
        }
    }

    /// A case without a status always asks something; one without any result asks for results.
    pub(super) fn name_what_is_missing(&self, outcome: &mut Outcome, contradictions: &[Review]) {
        if outcome.status == Status::Insufficient
            && outcome.review.is_empty()
            && contradictions.is_empty()
            && self.evidence.unreadable.is_empty()
        {
            outcome.review.push(ReviewCode::DataMissing);
        }
        if self.nothing_was_read() && !self.evidence.unreadable.is_empty() {
            // What is missing is named by what could not be read.
            outcome
                .review
                .retain(|code| *code != ReviewCode::DataMissing);
            outcome.reason = Reason::Unreadable;
        }
        if self.nothing_was_read() && !self.evidence.reported.is_empty() {
            // A statement without IHC or ISH beside it asks for them.
            outcome.action = NextAction::ObtainData;
        }
    }

    fn nothing_was_read(&self) -> bool {
        self.evidence.ihc.is_empty() && self.evidence.ish.is_empty()
    }

    fn withhold(&self, outcome: &mut Outcome) {
        *outcome = Outcome::contradictory(self.convention("contradictory-data"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::decide::{Conventions, decide};
    use crate::her2::decision::{Category, Decision};
    use crate::her2::evidence::{
        CountRole, Evidence, IhcFinding, IhcResult, IshResult, JoinedBy, Origin, OtherTissue,
        Probe, ReportedStatus, Site, SiteFinding, Source, TissueStatement, Unreadable,
    };
    use crate::her2::guideline::Edition;
    use crate::her2::number::Measure;

    fn source() -> Source {
        Source {
            reference: "Observation/1".to_owned(),
            version: None,
        }
    }

    fn case(score: Score) -> Evidence {
        Evidence {
            site: SiteFinding::Known(Site::Breast),
            joined_by: JoinedBy::Specimen,
            ihc: vec![IhcResult {
                finding: IhcFinding::Score(EnumSet::only(score)),
                interpretation: None,
                percent: None,
                intense_percent: None,
                staining_present: None,
                origin: Origin::Coded,
                source: source(),
            }],
            ish: Vec::new(),
            reported: Vec::new(),
            unreadable: Vec::new(),
            tissue: TissueStatement::Stated,
            other_tissue: OtherTissue::default(),
        }
    }

    fn count(ratio: &str, copies: &str) -> IshResult {
        IshResult {
            role: CountRole::Initial,
            probe: Some(Probe::Dual),
            ratio: Some(Measure::parse(ratio).unwrap()),
            her2_copies: Some(Measure::parse(copies).unwrap()),
            cep17_copies: None,
            cells: Some(Measure::parse("40").unwrap()),
            result: None,
            origin: Origin::Coded,
            source: source(),
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
    fn a_usual_word_that_ends_differently_with_the_ihc_withholds_the_status() {
        let stated = |score| {
            decided(&Evidence {
                ish: vec![IshResult {
                    result: Some(StatedResult::Positive),
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
    }
}
