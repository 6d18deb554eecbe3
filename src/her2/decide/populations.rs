//! Further populations of tumour cells, judged apart (ASCO/CAP 2018, heterogeneity: a second population in more than 10 %
//! of the cells is counted and reported separately). What that means for the status is a convention: an amplified
//! population makes the case positive, and one that is open leaves it open.

use super::outcome::{Outcome, merge, more_careful};
use super::{Case, Population};
use crate::her2::decision::{Category, NextAction, ReviewCode, Status};
use crate::her2::evidence::TissueStatement;
use crate::her2::readings::Share;
use crate::her2::reason::Reason;

impl Case<'_> {
    pub(super) fn judge_populations(&self, outcome: &mut Outcome) {
        // Where nobody knows whose tissue it is, no part of it decides.
        if self.evidence.tissue == TissueStatement::Unclear {
            return;
        }
        for population in &self.further {
            if population.share == Share::Small || outcome.status == Status::Positive {
                continue;
            }
            match self.judged_apart(population) {
                Some(apart) if apart.status == outcome.status => {
                    outcome.action = more_careful(outcome.action, apart.action);
                    outcome.review |= apart.review;
                }
                Some(apart)
                    if apart.status == Status::Positive && population.share == Share::Large =>
                {
                    outcome.status = Status::Positive;
                    outcome.category = Category::Positive;
                    outcome.action = NextAction::ReviewDiscordance;
                    outcome.rule = apart.rule;
                    outcome.comment = None;
                    outcome.review = ReviewCode::PopulationsDiffer.into();
                    outcome.further = Some(Reason::AmplifiedPopulation);
                }
                apart if outcome.status == Status::Negative => {
                    let action = apart.map_or(NextAction::ObtainData, |apart| apart.action);
                    *outcome = Outcome {
                        review: ReviewCode::PopulationsDiffer.into(),
                        ..Outcome::undecided(
                            self.is_two_plus(),
                            self.convention("populations-differ"),
                            Reason::OpenPopulation,
                        )
                    };
                    if action != NextAction::None {
                        outcome.action = action;
                    }
                }
                // An open case stays open whatever a population that is not surely amplified shows.
                _ => {}
            }
        }
    }

    /// What a further population comes to with the IHC of the tissue; `None` where its readings differ.
    pub(super) fn judged_apart(&self, population: &Population<'_>) -> Option<Outcome> {
        merge(
            (population.ish.readings.iter())
                .flat_map(|ish| self.ihc.readings.iter().map(move |ihc| (*ihc, *ish)))
                .map(|(ihc, ish)| self.over_possibilities(ihc, ish)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::her2::decide::samples::{
        case, codes, count, decided, decided_by, measure, source, warnings,
    };
    use crate::her2::decision::{Decision, WarningCode};
    use crate::her2::evidence::{Evidence, IshResult, Score};
    use crate::her2::guideline::Edition;

    fn population(percent: &str, ratio: &str, copies: &str) -> IshResult {
        IshResult {
            population_percent: measure(percent),
            source: source("population"),
            ..count(ratio, copies)
        }
    }

    fn beside(score: Score, further: IshResult) -> Decision {
        decided(&Evidence {
            ish: vec![count("1.2", "3.0"), further],
            ..case(score)
        })
    }

    #[test]
    fn an_amplified_population_of_more_than_10_percent_makes_the_case_positive() {
        let decision = beside(Score::TwoPlus, population("20", "3.0", "8.0"));
        assert_eq!(decision.status, Status::Positive);
        assert_eq!(decision.category, Category::Positive);
        assert_eq!(decision.next_action, NextAction::ReviewDiscordance);
        assert_eq!(codes(&decision), [ReviewCode::PopulationsDiffer]);
        assert!(decision.reasons.contains(&Reason::AmplifiedPopulation));
        assert_eq!(warnings(&decision), [WarningCode::Heterogeneous]);
        let about = decision.review.first().and_then(|item| item.source.clone());
        assert_eq!(about, Some(source("population")));
    }

    #[test]
    fn a_population_of_at_most_10_percent_is_a_remark_only() {
        let decision = beside(Score::TwoPlus, population("10", "3.0", "8.0"));
        assert_eq!(decision.status, Status::Negative);
        assert!(decision.review.is_empty());
        assert_eq!(warnings(&decision), [WarningCode::Heterogeneous]);
    }

    #[test]
    fn a_population_that_ends_as_the_main_one_changes_nothing() {
        let decision = beside(Score::TwoPlus, population("20", "1.5", "3.5"));
        assert_eq!(decision.status, Status::Negative);
        assert_eq!(decision.next_action, NextAction::None);
        assert!(decision.review.is_empty());
        assert_eq!(decision.category, Category::Low);
    }

    #[test]
    fn an_open_population_takes_a_negative_status_away_and_says_what_it_needs() {
        // Group 4 with IHC 2+ asks for a recount.
        let open = beside(Score::TwoPlus, population("20", "1.5", "5.0"));
        assert_eq!(open.status, Status::Equivocal);
        assert_eq!(open.next_action, NextAction::RecountIsh);
        assert_eq!(codes(&open), [ReviewCode::PopulationsDiffer]);
        assert!(open.reasons.contains(&Reason::OpenPopulation));
        // Whether it is large enough is not known, and it is amplified.
        let of_unknown_size = beside(Score::OnePlus, population(">=10", "3.0", "8.0"));
        assert_eq!(of_unknown_size.status, Status::Insufficient);
        assert_eq!(of_unknown_size.next_action, NextAction::ReviewDiscordance);
        assert_eq!(codes(&of_unknown_size), [ReviewCode::PopulationsDiffer]);
        let of_unknown_size = beside(Score::TwoPlus, population(">=10", "3.0", "8.0"));
        assert_eq!(of_unknown_size.next_action, NextAction::ObtainData);
    }

    #[test]
    fn a_positive_or_open_case_stays_so_whatever_a_population_without_amplification_shows() {
        let positive = decided(&Evidence {
            ish: vec![count("3.0", "8.0"), population("20", "1.2", "3.0")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(positive.status, Status::Positive);
        assert!(positive.review.is_empty());
        let open = decided(&Evidence {
            ish: vec![count("1.5", "5.0"), population("20", "1.2", "3.0")],
            ..case(Score::TwoPlus)
        });
        assert_eq!(open.status, Status::Equivocal);
        assert_eq!(open.next_action, NextAction::RecountIsh);
        assert!(open.review.is_empty());
    }

    #[test]
    fn an_amplified_population_makes_an_open_case_positive() {
        let decision = decided_by(
            Edition::AscoCap2013,
            &Evidence {
                ish: vec![count("1.5", "5.0"), population("20", "3.0", "8.0")],
                ..case(Score::TwoPlus)
            },
        );
        assert_eq!(decision.status, Status::Positive);
        assert_eq!(codes(&decision), [ReviewCode::PopulationsDiffer]);
    }
}
