//! The decision as it is recorded: groups, reasons, questions for a person and remarks.

use enumset::EnumSet;

use super::Case;
use super::outcome::Outcome;
use super::possibilities::only_class;

use crate::her2::decision::{Decision, Group, Review, ReviewCode, Status, Warning, WarningCode};
use crate::her2::evidence::{CountRole, Source, TissueStatement};
use crate::her2::readings::{Count, Counts, IhcReading, IshReading};
use crate::her2::reason::Reason;

impl Case<'_> {
    pub(super) fn record(mut self, outcome: Outcome, contradictions: Vec<Review>) -> Decision {
        let counts = |of: fn(&IshReading) -> Counts| -> Counts {
            self.ish.readings.iter().map(of).collect()
        };
        let initial = counts(|reading| reading.initial);

        let mut warnings = std::mem::take(&mut self.ihc.warnings);
        warnings.append(&mut self.ish.warnings);
        warnings.extend(self.warnings_of_use(&outcome));

        let mut review = contradictions;
        review.extend(outcome.review.iter().map(|code| Review {
            code,
            detail: question(code).into(),
            source: self.source_of(code),
        }));

        let edition = self.by.edition;
        let groups = |counts: Counts| -> EnumSet<Group> {
            (counts.iter().filter_map(Count::dual))
                .filter_map(|class| edition.group(class))
                .collect()
        };
        let only_group =
            |counts: Counts| only_class(edition, counts).and_then(|class| edition.group(class));
        let mut reasons = Vec::with_capacity(8);
        if self.not_fixed_in_formalin() {
            reasons.push(Reason::NotFixedInFormalin);
        }
        let possible = groups(initial);
        if !possible.is_empty() {
            reasons.push(Reason::Groups(possible));
        }
        reasons.push(outcome.reason);
        reasons.extend(outcome.further);
        reasons.extend(outcome.comment.map(Reason::Comment));
        if outcome.status == Status::Negative && edition.has_kinds_of_negative() {
            reasons.push(Reason::Category(outcome.category));
        }
        reasons.push(Reason::Next(outcome.action));

        Decision {
            status: outcome.status,
            category: outcome.category,
            ish_group: only_group(initial),
            recount_group: only_group(counts(|reading| reading.recount)),
            adjudicated_group: only_group(counts(|reading| reading.adjudicated)),
            score: match self.ihc.readings.as_slice() {
                [IhcReading::Score(score)] => Some(*score),
                _ => None,
            },
            next_action: outcome.action,
            rule: outcome.rule,
            reasons,
            review,
            warnings,
        }
    }

    fn warnings_of_use(&self, outcome: &Outcome) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let of_populations = self
            .further
            .iter()
            .flat_map(|further| &further.ish.readings);
        let failed = (self.ish.readings.iter().chain(of_populations))
            .any(|ish| ish.initial == Count::Failed);
        if failed && outcome.status.is_decided() {
            warnings.push(Warning {
                code: WarningCode::IshUnusable,
                detail: "an ISH count failed or has fewer than 20 cells; the status rests on what is left"
                    .into(),
            });
        }
        let both = !self.evidence.ihc.is_empty() && !self.evidence.ish.is_empty();
        if both && self.evidence.tissue == TissueStatement::NotStated {
            warnings.push(Warning {
                code: WarningCode::TissueNotStated,
                detail: format!(
                    "IHC and ISH do not both state their block; they were joined by {}",
                    self.evidence.joined_by.name()
                )
                .into(),
            });
        }
        warnings.extend(self.warnings_of_handling());
        warnings.extend(self.advice(outcome));
        if !self.further.is_empty() {
            warnings.push(Warning {
                code: WarningCode::Heterogeneous,
                detail: "a further population of tumour cells was counted separately".into(),
            });
        }
        warnings
    }

    /// The resource that a question is about.
    fn source_of(&self, code: ReviewCode) -> Option<Source> {
        let evidence = self.evidence;
        let of_ish = |role| {
            (evidence.ish.iter())
                .find(|result| result.role == role)
                .map(|result| &result.source)
        };
        let other = &evidence.other_tissue;
        let source = match code {
            ReviewCode::OtherTissue if evidence.ihc.is_empty() => other.ihc.first(),
            ReviewCode::OtherTissue => other.ish.first(),
            ReviewCode::RecountOtherGroup => of_ish(CountRole::Recount),
            ReviewCode::QuotedResult => evidence.quoted.first(),
            ReviewCode::SecondObserver => evidence.second_observer.first(),
            ReviewCode::PopulationsDiffer => {
                self.further.first().map(|population| population.source)
            }
            _ => of_ish(CountRole::Initial)
                .or_else(|| evidence.ihc.first().map(|result| &result.source))
                .or_else(|| evidence.reported.first().map(|status| &status.source)),
        };
        source.cloned()
    }
}

fn question(code: ReviewCode) -> &'static str {
    match code {
        ReviewCode::DataMissing => "a missing number or score decides",
        ReviewCode::IhcMissing => "the ISH result needs IHC of the same tissue",
        ReviewCode::ReadingAmbiguous => {
            "a range or undefined word was sent, and its readings end differently"
        }
        ReviewCode::IhcIshDiscordant => "IHC and ISH of this tissue point different ways",
        ReviewCode::RecountOtherGroup => {
            "the recount is in another group, and no adjudicated result is on record"
        }
        ReviewCode::OtherTissue => "the other test was done on another block or specimen",
        ReviewCode::QuotedResult => {
            "a result quoted from an earlier specimen is not of this tissue"
        }
        ReviewCode::SecondObserver => {
            "a signed result mentions a second observer, whose count is not on record"
        }
        ReviewCode::PopulationsDiffer => {
            "a further population of tumour cells, counted separately, does not end as the main one does"
        }
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::her2::decide::samples::{
        case, codes, count, decided, measure, source, untested, warnings,
    };
    use crate::her2::evidence::{Evidence, IshResult, IshWord, OtherTissue, Score};

    fn named(name: &str, result: IshResult) -> IshResult {
        IshResult {
            source: source(name),
            ..result
        }
    }

    fn recount(ratio: &str, copies: &str) -> IshResult {
        IshResult {
            role: CountRole::Recount,
            ..named("recount", count(ratio, copies))
        }
    }

    /// The resource that the question of this code is about.
    fn about(decision: &Decision, code: ReviewCode) -> Option<Source> {
        (decision.review.iter())
            .find(|item| item.code == code)
            .and_then(|item| item.source.clone())
    }

    #[test]
    fn the_groups_of_both_counts_and_the_score_are_recorded() {
        let decision = decided(&Evidence {
            ish: vec![count("1.6", "6.5"), recount("1.5", "5.0")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(decision.score, Some(Score::TwoPlus));
        assert_eq!(decision.ish_group, Some(Group::Three));
        assert_eq!(decision.recount_group, Some(Group::Four));
        assert_eq!(decision.adjudicated_group, None);
        assert_eq!(
            decision.reasons.first(),
            Some(&Reason::Groups(EnumSet::only(Group::Three)))
        );
        let alone = decided(&case(Score::OnePlus));
        assert_eq!(alone.ish_group, None);
        assert!(
            !alone
                .reasons
                .iter()
                .any(|reason| matches!(reason, Reason::Groups(_)))
        );
    }

    #[test]
    fn the_kind_of_a_negative_result_is_explained_and_of_no_other() {
        let explains = |score| {
            (decided(&case(score)).reasons.iter())
                .any(|reason| matches!(reason, Reason::Category(_)))
        };
        assert!(explains(Score::OnePlus));
        assert!(!explains(Score::TwoPlus));
        assert!(!explains(Score::ThreePlus));
        let in_2007 = crate::her2::decide::samples::decided_by(
            crate::her2::guideline::Edition::AscoCap2007,
            &case(Score::OnePlus),
        );
        assert!(!(in_2007.reasons.iter()).any(|reason| matches!(reason, Reason::Category(_))));
    }

    #[test]
    fn each_question_names_the_resource_it_is_about_and_asks_in_words() {
        let differs = decided(&Evidence {
            ish: vec![named("first", count("1.6", "6.5")), recount("1.5", "5.0")],
            second_observer: vec![source("report")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(codes(&differs), [ReviewCode::RecountOtherGroup]);
        assert_eq!(
            about(&differs, ReviewCode::RecountOtherGroup),
            Some(source("recount"))
        );
        let discordant = decided(&Evidence {
            ish: vec![named("first", count("3.0", "8.0"))],
            ..case(Score::OnePlus)
        });
        assert_eq!(
            about(&discordant, ReviewCode::IhcIshDiscordant),
            Some(source("first"))
        );
        let other_ish = decided(&Evidence {
            other_tissue: OtherTissue {
                ihc: vec![source("other-ihc")],
                ish: vec![source("other-ish")],
            },
            ..case(Score::TwoPlus)
        });
        assert_eq!(codes(&other_ish), [ReviewCode::OtherTissue]);
        assert_eq!(
            about(&other_ish, ReviewCode::OtherTissue),
            Some(source("other-ish"))
        );
        let other_ihc = decided(&Evidence {
            ish: vec![count("1.5", "5.0")],
            other_tissue: OtherTissue {
                ihc: vec![source("other-ihc")],
                ish: vec![source("other-ish")],
            },
            ..untested()
        });
        assert_eq!(
            about(&other_ihc, ReviewCode::OtherTissue),
            Some(source("other-ihc"))
        );
        let quoted = decided(&Evidence {
            quoted: vec![source("quoted")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(
            about(&quoted, ReviewCode::QuotedResult),
            Some(source("quoted"))
        );
        let observed = decided(&Evidence {
            ish: vec![count("1.5", "5.0")],
            second_observer: vec![source("report")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(codes(&observed), [ReviewCode::SecondObserver]);
        assert_eq!(
            about(&observed, ReviewCode::SecondObserver),
            Some(source("report"))
        );
        for decision in [differs, discordant, other_ish, other_ihc, quoted, observed] {
            for item in &decision.review {
                assert!(item.detail.contains(' '), "{}", item.detail);
            }
        }
    }

    #[test]
    fn questions_about_other_tissue_and_observers_are_asked_only_where_they_may_close_the_case() {
        let elsewhere = |evidence| {
            decided(&Evidence {
                other_tissue: OtherTissue {
                    ihc: vec![source("other-ihc")],
                    ish: vec![source("other-ish")],
                },
                quoted: vec![source("quoted")],
                second_observer: vec![source("report")],
                ..evidence
            })
        };
        assert!(elsewhere(case(Score::OnePlus)).review.is_empty());
        // Both tests are on record.
        let open = elsewhere(Evidence {
            ish: vec![count("1.5", "5.0")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(
            codes(&open),
            [ReviewCode::SecondObserver, ReviewCode::QuotedResult]
        );
        // Nobody counted.
        let without_ish = elsewhere(case(Score::TwoPlus));
        assert_eq!(
            codes(&without_ish),
            [ReviewCode::OtherTissue, ReviewCode::QuotedResult]
        );
    }

    #[test]
    fn a_block_that_is_not_stated_is_remarked_where_both_tests_are_joined() {
        let of = |tissue, evidence| warnings(&decided(&Evidence { tissue, ..evidence }));
        let both = || Evidence {
            ish: vec![count("1.2", "3.0")],
            ..case(Score::TwoPlus)
        };
        assert_eq!(
            of(TissueStatement::NotStated, both()),
            [WarningCode::TissueNotStated]
        );
        assert!(of(TissueStatement::Stated, both()).is_empty());
        assert!(of(TissueStatement::NotStated, case(Score::OnePlus)).is_empty());
        let ish_alone = Evidence {
            ish: vec![count("1.2", "3.0")],
            ..untested()
        };
        assert!(of(TissueStatement::NotStated, ish_alone).is_empty());
    }

    #[test]
    fn a_failed_count_beside_a_score_that_decides_is_remarked() {
        let failed = |score| {
            warnings(&decided(&Evidence {
                ish: vec![IshResult {
                    cells: measure("19"),
                    ..count("1.2", "3.0")
                }],
                ..case(score)
            }))
        };
        assert_eq!(failed(Score::OnePlus), [WarningCode::IshUnusable]);
        assert!(failed(Score::TwoPlus).is_empty());
        let valid = decided(&Evidence {
            ish: vec![count("1.2", "3.0")],
            ..case(Score::OnePlus)
        });
        assert!(valid.warnings.is_empty());
    }

    #[test]
    fn results_that_name_different_foci_give_no_status() {
        let decision = decided(&Evidence {
            tissue: TissueStatement::Unclear,
            ish: vec![IshResult {
                result: Some(IshWord::Amplified),
                ..IshResult::new(source("ish"))
            }],
            ..case(Score::ThreePlus)
        });
        assert_eq!(decision.status, Status::Insufficient);
        assert_eq!(codes(&decision), [ReviewCode::ResultsDiffer]);
    }
}
