//! What the tissue itself says beside the status: handling, histology and the retest of a core biopsy.

use rust_decimal::Decimal;

use super::Case;
use super::outcome::Outcome;
use crate::her2::decision::{NextAction, Review, ReviewCode, Status, Warning, WarningCode};
use crate::her2::evidence::{Fixative, Sample};
use crate::her2::guideline::Edition;
use crate::her2::number::Measure;
use crate::her2::reason::Reason;

/// Hours in formalin (ASCO/CAP 2018, tissue handling: 6 to 72).
const LEAST_FIXATION: Decimal = Decimal::from_parts(6, 0, 0, false, 0);
const LONGEST_FIXATION: Decimal = Decimal::from_parts(72, 0, 0, false, 0);
/// Minutes of cold ischaemia (at most an hour).
const LONGEST_ISCHEMIA: Decimal = Decimal::from_parts(60, 0, 0, false, 0);

/// The grade with which a negative core biopsy is doubted.
const HIGH_GRADE: u8 = 3;

impl Case<'_> {
    /// Tissue that was not fixed in formalin has failed tests only (ASCO/CAP 2018, tissue handling).
    pub(super) fn not_fixed_in_formalin(&self) -> bool {
        self.evidence.handling.fixative == Some(Fixative::Other)
    }

    /// Fixation and cold ischaemia out of range may make a test falsely negative; they never change a status
    /// (ASCO/CAP 2018, tissue handling).
    pub(super) fn warnings_of_handling(&self, outcome: &Outcome) -> Vec<Warning> {
        let handling = &self.evidence.handling;
        let mut warnings = Vec::new();
        let mut warn = |code, detail: &'static str| {
            warnings.push(Warning {
                code,
                detail: detail.into(),
            });
        };
        let is_out_of_range = |hours: &Measure| {
            let span = hours.span();
            !span.may_be_at_least(LEAST_FIXATION) || !span.may_be_at_most(LONGEST_FIXATION)
        };
        if handling
            .fixation_hours
            .as_ref()
            .is_some_and(is_out_of_range)
        {
            warn(
                WarningCode::FixationOutOfRange,
                "fixed in formalin for less than 6 or more than 72 hours: a negative result may be false",
            );
        }
        let is_too_long = |minutes: &Measure| !minutes.span().may_be_at_most(LONGEST_ISCHEMIA);
        if (handling.cold_ischemia_minutes.as_ref()).is_some_and(is_too_long) {
            warn(
                WarningCode::ColdIschemia,
                "more than an hour until fixation: a negative result may be false",
            );
        }
        if handling.decalcified == Some(true) {
            warn(
                WarningCode::Decalcified,
                "the tissue was decalcified: a negative result is unreliable",
            );
        }
        if self.by.edition == Edition::AscoCap2018 && self.is_negative_core_of_grade_3(outcome) {
            warn(
                WarningCode::MayRepeatOnExcision,
                "negative core biopsy of a grade 3 carcinoma: the guideline lets the test be repeated on the excision",
            );
        }
        warnings
    }

    /// A histology that is hardly ever positive makes a positive result a question (ASCO/CAP 2018, histopathologic
    /// discordance). The status stands.
    pub(super) fn question_histology(
        &self,
        outcome: &mut Outcome,
        contradictions: &mut Vec<Review>,
    ) {
        let Some(histology) = self.evidence.handling.histology else {
            return;
        };
        if outcome.status != Status::Positive || self.by.edition == Edition::Gastric2016 {
            return;
        }
        contradictions.push(Review {
            code: ReviewCode::HistologyDiscordant,
            detail: format!(
                "HER2 positive with pure {} histology: the guideline lets the test be repeated",
                histology.name()
            )
            .into(),
            source: None,
        });
        outcome.ask(NextAction::ReviewDiscordance);
    }

    /// ASCO/CAP 2013 orders a new test where 2018 only advises one.
    pub(super) fn ask_for_the_excision(&self, outcome: &mut Outcome) {
        if self.by.edition == Edition::AscoCap2013 && self.is_negative_core_of_grade_3(outcome) {
            outcome.ask(NextAction::RepeatTest);
            outcome.further = Some(Reason::RepeatOnExcision);
        }
    }

    fn is_negative_core_of_grade_3(&self, outcome: &Outcome) -> bool {
        let handling = &self.evidence.handling;
        self.by.conventions.retest_advice
            && outcome.status == Status::Negative
            && handling.sample == Some(Sample::Biopsy)
            && handling.grade == Some(HIGH_GRADE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::her2::conventions::Conventions;
    use crate::her2::decide::decide;
    use crate::her2::decide::samples::{
        case, codes, count, decided, decided_by, measure, untested, warnings,
    };
    use crate::her2::decision::Decision;
    use crate::her2::evidence::{Evidence, Handling, Histology, Score, Site, SiteFinding};

    fn handled(score: Score, handling: Handling) -> Evidence {
        Evidence {
            handling,
            ..case(score)
        }
    }

    #[test]
    fn every_test_of_tissue_that_was_not_fixed_in_formalin_failed() {
        let not_formalin = Handling {
            fixative: Some(Fixative::Other),
            ..Handling::default()
        };
        let scored = decided(&handled(Score::ThreePlus, not_formalin.clone()));
        assert_eq!(scored.status, Status::Indeterminate);
        assert_eq!(scored.next_action, NextAction::RepeatTest);
        assert_eq!(scored.reasons.first(), Some(&Reason::NotFixedInFormalin));
        let counted = decided(&Evidence {
            ish: vec![count("2.5", "6.0")],
            handling: not_formalin.clone(),
            ..untested()
        });
        assert_eq!(counted.status, Status::Indeterminate);
        assert_eq!(counted.ish_group, None);
        // A test that was not done did not fail.
        let nothing = decided(&Evidence {
            handling: not_formalin,
            ..untested()
        });
        assert_eq!(nothing.status, Status::Insufficient);
        let formalin = Handling {
            fixative: Some(Fixative::Formalin),
            ..Handling::default()
        };
        assert_eq!(
            decided(&handled(Score::ThreePlus, formalin)).status,
            Status::Positive
        );
    }

    #[test]
    fn fixation_of_6_to_72_hours_and_an_hour_of_ischaemia_are_in_range() {
        let of = |fixation: Option<&str>, ischemia: Option<&str>| {
            warnings(&decided(&handled(
                Score::OnePlus,
                Handling {
                    fixation_hours: fixation.and_then(measure),
                    cold_ischemia_minutes: ischemia.and_then(measure),
                    ..Handling::default()
                },
            )))
        };
        for hours in ["6", "72", "6-72", "<=6", ">=72"] {
            assert!(of(Some(hours), None).is_empty(), "{hours}");
        }
        for hours in ["5.9", "<6", "72.1", ">72"] {
            assert_eq!(
                of(Some(hours), None),
                [WarningCode::FixationOutOfRange],
                "{hours}"
            );
        }
        assert!(of(None, Some("60")).is_empty());
        assert_eq!(of(None, Some("61")), [WarningCode::ColdIschemia]);
    }

    #[test]
    fn decalcified_tissue_is_remarked_and_keeps_its_status() {
        let decalcified = |decalcified| {
            decided(&handled(
                Score::OnePlus,
                Handling {
                    decalcified: Some(decalcified),
                    ..Handling::default()
                },
            ))
        };
        assert_eq!(decalcified(true).status, Status::Negative);
        assert_eq!(warnings(&decalcified(true)), [WarningCode::Decalcified]);
        assert!(warnings(&decalcified(false)).is_empty());
    }

    #[test]
    fn a_positive_result_of_a_histology_that_is_hardly_ever_positive_is_questioned() {
        let mucinous = |edition, site, score| {
            let handling = Handling {
                histology: Some(Histology::Mucinous),
                ..Handling::default()
            };
            let evidence = Evidence {
                site: SiteFinding::Known(site),
                ..handled(score, handling)
            };
            decided_by(edition, &evidence)
        };
        let positive = mucinous(Edition::AscoCap2018, Site::Breast, Score::ThreePlus);
        assert_eq!(positive.status, Status::Positive);
        assert_eq!(codes(&positive), [ReviewCode::HistologyDiscordant]);
        assert_eq!(positive.next_action, NextAction::ReviewDiscordance);
        let negative = mucinous(Edition::AscoCap2018, Site::Breast, Score::OnePlus);
        assert!(negative.review.is_empty());
        // It is a rule about breast cancer.
        let gastric = mucinous(
            Edition::Gastric2016,
            Site::Gastroesophageal,
            Score::ThreePlus,
        );
        assert!(gastric.review.is_empty());
    }

    #[test]
    fn a_negative_core_of_grade_3_may_be_repeated_in_2018_and_is_repeated_in_2013() {
        let core = |sample, grade| Handling {
            sample: Some(sample),
            grade: Some(grade),
            ..Handling::default()
        };
        let of = |edition, score, handling| decided_by(edition, &handled(score, handling));
        let grade_3 = || core(Sample::Biopsy, 3);
        let advised = of(Edition::AscoCap2018, Score::OnePlus, grade_3());
        assert_eq!(warnings(&advised), [WarningCode::MayRepeatOnExcision]);
        assert_eq!(advised.next_action, NextAction::None);
        let ordered = of(Edition::AscoCap2013, Score::OnePlus, grade_3());
        assert!(warnings(&ordered).is_empty());
        assert_eq!(ordered.next_action, NextAction::RepeatTest);
        assert!(ordered.reasons.contains(&Reason::RepeatOnExcision));
        let is_quiet = |decision: &Decision| {
            decision.warnings.is_empty() && !decision.reasons.contains(&Reason::RepeatOnExcision)
        };
        for edition in [Edition::AscoCap2018, Edition::AscoCap2013] {
            for (score, handling) in [
                (Score::ThreePlus, grade_3()),
                (Score::OnePlus, core(Sample::Biopsy, 2)),
                (Score::OnePlus, core(Sample::Resection, 3)),
            ] {
                assert!(is_quiet(&of(edition, score, handling)));
            }
        }
        assert!(is_quiet(&of(
            Edition::AscoCap2007,
            Score::OnePlus,
            grade_3()
        )));
        let without_advice = Conventions {
            retest_advice: false,
            ..Conventions::default()
        };
        assert!(is_quiet(&decide(
            &handled(Score::OnePlus, grade_3()),
            Edition::AscoCap2018,
            &without_advice,
        )));
    }
}
