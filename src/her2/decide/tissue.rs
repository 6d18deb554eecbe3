//! What the tissue itself says beside the status: handling, histology and the retest of a core biopsy.

use rust_decimal::Decimal;

use super::Case;
use super::outcome::Outcome;
use crate::her2::decision::{NextAction, Review, ReviewCode, Status, Warning, WarningCode};
use crate::her2::evidence::{Fixative, Sample};
use crate::her2::guideline::Edition;
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
    pub(super) fn warnings_of_handling(&self) -> Vec<Warning> {
        let handling = &self.evidence.handling;
        let mut warnings = Vec::new();
        let mut warn = |code, detail: &'static str| {
            warnings.push(Warning {
                code,
                detail: detail.into(),
            });
        };
        if self.is_fixation_out_of_range() {
            warn(
                WarningCode::FixationOutOfRange,
                "fixed in formalin for less than 6 or more than 72 hours: a negative result may be false",
            );
        }
        if self.is_ischemia_too_long() {
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
        warnings
    }

    fn is_fixation_out_of_range(&self) -> bool {
        (self.evidence.handling.fixation_hours.as_ref()).is_some_and(|hours| {
            let span = hours.span();
            !span.may_be_at_least(LEAST_FIXATION) || !span.may_be_at_most(LONGEST_FIXATION)
        })
    }

    fn is_ischemia_too_long(&self) -> bool {
        (self.evidence.handling.cold_ischemia_minutes.as_ref())
            .is_some_and(|minutes| !minutes.span().may_be_at_most(LONGEST_ISCHEMIA))
    }

    /// What the guideline lets or has somebody test besides; it changes nothing of the answer.
    pub(super) fn advice(&self, outcome: &Outcome) -> Vec<Warning> {
        if !self.by.conventions.retest_advice {
            return Vec::new();
        }
        [
            self.may_repeat_on_excision(outcome),
            self.metastasis_not_tested(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// A negative core biopsy may be repeated on the excision for any of five reasons (ASCO/CAP 2018, retesting). How
    /// much invasive tumour a core holds, and how the excision looks beside it, is not in the data; and since no ISH is
    /// equivocal by this edition, nothing says when a core is so by both tests.
    fn may_repeat_on_excision(&self, outcome: &Outcome) -> Option<Warning> {
        if self.by.edition != Edition::AscoCap2018 || !self.is_negative_core(outcome) {
            return None;
        }
        let reasons = [
            (self.is_of_high_grade(), "of a grade 3 carcinoma"),
            (
                self.is_fixation_out_of_range(),
                "fixed for less than 6 or more than 72 hours",
            ),
            (
                self.is_ischemia_too_long(),
                "with more than an hour of cold ischaemia",
            ),
        ];
        let met: Vec<&str> = (reasons.into_iter())
            .filter_map(|(is_met, reason)| is_met.then_some(reason))
            .collect();
        (!met.is_empty()).then(|| Warning {
            code: WarningCode::MayRepeatOnExcision,
            detail: format!(
                "negative core biopsy {}: the guideline lets the test be repeated on the excision",
                met.join(", and ")
            )
            .into(),
        })
    }

    /// Patients who develop metastatic disease must have a metastatic site tested, if tissue is available (ASCO/CAP 2018
    /// and 2013, specimens to be tested). No source says so of the other editions.
    fn metastasis_not_tested(&self) -> Option<Warning> {
        let specimen = self.evidence.untested_metastasis.as_ref()?;
        match self.by.edition {
            Edition::AscoCap2018 | Edition::AscoCap2013 => Some(Warning {
                code: WarningCode::MetastasisNotTested,
                detail: format!(
                    "{} is of a distant metastasis, and HER2 was tested on the primary tumour alone: the guideline has a metastatic site tested",
                    specimen.reference
                )
                .into(),
            }),
            Edition::AscoCap2007 | Edition::Gastric2016 => None,
        }
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
        if self.by.edition == Edition::AscoCap2013
            && self.by.conventions.retest_advice
            && self.is_negative_core(outcome)
            && self.is_of_high_grade()
        {
            outcome.ask(NextAction::RepeatTest);
            outcome.further = Some(Reason::RepeatOnExcision);
        }
    }

    /// The core of a metastasis has no excision.
    fn is_negative_core(&self, outcome: &Outcome) -> bool {
        let handling = &self.evidence.handling;
        outcome.status == Status::Negative
            && handling.sample == Some(Sample::Biopsy)
            && !handling.of_metastasis
    }

    fn is_of_high_grade(&self) -> bool {
        self.evidence.handling.grade == Some(HIGH_GRADE)
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
    use crate::her2::evidence::{Evidence, Handling, Histology, Score, Site, SiteFinding, Source};

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
    fn a_negative_core_of_doubted_handling_may_be_repeated_and_every_reason_is_named() {
        let core = |fixation: Option<&str>, ischemia: Option<&str>, grade| Handling {
            sample: Some(Sample::Biopsy),
            fixation_hours: fixation.and_then(measure),
            cold_ischemia_minutes: ischemia.and_then(measure),
            grade,
            ..Handling::default()
        };
        let advice = |edition, score, handling: &Handling| {
            let decision = decided_by(edition, &handled(score, handling.clone()));
            let of_advice = |warning: &&Warning| warning.code == WarningCode::MayRepeatOnExcision;
            let found = decision.warnings.iter().find(of_advice);
            found.map(|warning| warning.detail.to_string())
        };
        let of_2018 = |handling: &Handling| {
            advice(Edition::AscoCap2018, Score::OnePlus, handling).unwrap_or_default()
        };
        let long = core(Some("90"), None, Some(2));
        assert!(of_2018(&long).contains("72 hours"));
        assert!(of_2018(&core(None, Some("75"), None)).contains("cold ischaemia"));
        let all = of_2018(&core(Some("3"), Some("75"), Some(3)));
        assert!(all.contains("grade 3") && all.contains("72 hours") && all.contains("ischaemia"));

        assert_eq!(of_2018(&core(Some("24"), Some("30"), Some(2))), "");
        assert_eq!(advice(Edition::AscoCap2018, Score::ThreePlus, &long), None);
        assert_eq!(advice(Edition::AscoCap2013, Score::OnePlus, &long), None);
        let excision = Handling {
            sample: Some(Sample::Resection),
            ..long.clone()
        };
        assert_eq!(of_2018(&excision), "");
        let of_metastasis = Handling {
            of_metastasis: true,
            ..core(Some("3"), None, Some(3))
        };
        assert_eq!(of_2018(&of_metastasis), "");
    }

    #[test]
    fn an_untested_metastasis_is_advice_by_2018_and_2013_and_changes_nothing_else() {
        let beside = |untested: bool| Evidence {
            untested_metastasis: untested.then(|| Source::unversioned("Specimen/liver")),
            ..case(Score::OnePlus)
        };
        for edition in [Edition::AscoCap2018, Edition::AscoCap2013] {
            let advised = decided_by(edition, &beside(true));
            assert_eq!(warnings(&advised), [WarningCode::MetastasisNotTested]);
            assert!(advised.warnings[0].detail.starts_with("Specimen/liver "));
            let without = Decision {
                warnings: Vec::new(),
                ..advised
            };
            assert_eq!(without, decided_by(edition, &beside(false)));
        }
        let of_2007 = decided_by(Edition::AscoCap2007, &beside(true));
        assert!(warnings(&of_2007).is_empty());
        let quiet = Conventions {
            retest_advice: false,
            ..Conventions::default()
        };
        let decision = decide(&beside(true), Edition::AscoCap2018, &quiet);
        assert!(decision.warnings.is_empty());
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
