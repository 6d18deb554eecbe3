//! From the evidence of one case to its decision.
//!
//! The guideline's table answers one score with one count. This file does what the table cannot: it asks the table
//! for every possibility that missing or bounded numbers leave, for every reading that contradictory statements
//! leave, and gives a status only when all of them agree. The rows named here are those of the decision convention:
//! contradictory data (3), partial data (8), contradictory data that agrees (15).
//!
//! The result is then held against what else was said (`checks.rs`) and written down with its reasons (`record.rs`).

mod category;
mod checks;
mod outcome;
mod populations;
mod possibilities;
mod record;
#[cfg(test)]
mod samples;
mod tissue;

use std::borrow::Cow;

use enumset::EnumSet;

use super::conventions::Conventions;
use super::decision::{Category, Decision, NextAction, Review, ReviewCode, Status};
use super::evidence::{
    CountRole, Evidence, IhcFinding, IhcResult, Probe, Score, Site, SiteFinding, Source,
    TissueStatement,
};
use super::guideline::{Answer, Edition, Ihc, Ish, Rule};
use super::readings::{
    Count, IhcReading, IshReading, Populations, ReadBy, Readings, Share, ihc_readings,
    ish_readings, populations,
};
use super::reason::Reason;
use outcome::{Outcome, merge};
use possibilities::{possible_counts, possible_recounts, possible_scores, with_recount};

pub use category::categories;

/// Decides one case.
pub fn decide(evidence: &Evidence, edition: Edition, conventions: &Conventions) -> Decision {
    let ordered = in_one_order(evidence);
    let evidence = ordered.as_ref();
    let mut decision = match evidence.site {
        SiteFinding::Known(site) if edition.covers(site) => {
            Case::new(evidence, edition, conventions).decide()
        }
        SiteFinding::Known(site) => site_without_edition(evidence, edition, site),
        SiteFinding::Unknown => without_guideline(
            edition,
            NextAction::ObtainData,
            ReviewCode::SiteUnknown,
            Reason::SiteUnknown,
        ),
        SiteFinding::Disputed => without_guideline(
            edition,
            NextAction::ObtainData,
            ReviewCode::SiteUnknown,
            Reason::SiteDisputed,
        ),
    };
    if !matches!(evidence.site, SiteFinding::Known(_)) {
        (decision.review).extend(contradictions_at_any_site(evidence, edition, conventions));
    }
    decision
        .review
        .extend(evidence.unreadable.iter().map(|item| Review {
            code: ReviewCode::ValueUnreadable,
            detail: item.detail.clone().into(),
            source: Some(item.source.clone()),
        }));
    decision.review.sort();
    decision.review.dedup();
    decision.warnings.sort();
    decision.warnings.dedup();
    decision
}

/// The evidence in the order of its sources: which of several results a sentence or a question names must not depend on
/// the order in which a server sends them.
fn in_one_order(evidence: &Evidence) -> Cow<'_, Evidence> {
    let is_ordered = evidence.ihc.is_sorted_by_key(|result| &result.source)
        && evidence.ish.is_sorted_by_key(|result| &result.source)
        && (evidence.reported).is_sorted_by_key(|status| &status.source)
        && evidence.quoted.is_sorted()
        && evidence.second_observer.is_sorted()
        && evidence.other_tissue.ihc.is_sorted()
        && evidence.other_tissue.ish.is_sorted();
    if is_ordered {
        return Cow::Borrowed(evidence);
    }
    let mut ordered = evidence.clone();
    (ordered.ihc).sort_by(|one, other| one.source.cmp(&other.source));
    (ordered.ish).sort_by(|one, other| one.source.cmp(&other.source));
    (ordered.reported).sort_by(|one, other| one.source.cmp(&other.source));
    ordered.quoted.sort();
    ordered.second_observer.sort();
    ordered.other_tissue.ihc.sort();
    ordered.other_tissue.ish.sort();
    Cow::Owned(ordered)
}

/// Statements that cannot both be true whatever the tumour is. What a percentage may be depends on the site.
fn contradictions_at_any_site(
    evidence: &Evidence,
    edition: Edition,
    conventions: &Conventions,
) -> Vec<Review> {
    let by = ReadBy {
        edition,
        conventions,
        sample: evidence.handling.sample,
    };
    let mut contradictions = ihc_readings(&evidence.ihc, by).contradictions;
    let results: Vec<_> = evidence.ish.iter().collect();
    contradictions.extend(ish_readings(&results, by).contradictions);
    contradictions.retain(|review| review.code != ReviewCode::PercentContradictsScore);
    contradictions
}

/// The findings are kept and reported; that a 3+ may matter elsewhere is said and is no status.
fn site_without_edition(evidence: &Evidence, edition: Edition, site: Site) -> Decision {
    let mut decision = without_guideline(
        edition,
        NextAction::None,
        ReviewCode::SiteWithoutEdition,
        Reason::SiteWithoutEdition(site),
    );
    let is_three_plus = |result: &IhcResult| matches!(result.finding, IhcFinding::Score(scores) if scores == Score::ThreePlus);
    if evidence.ihc.iter().any(is_three_plus) {
        decision.reasons.insert(1, Reason::ThreePlusElsewhere);
    }
    decision
}

fn without_guideline(
    edition: Edition,
    next_action: NextAction,
    code: ReviewCode,
    reason: Reason,
) -> Decision {
    Decision {
        status: Status::Insufficient,
        category: Category::None,
        ish_group: None,
        recount_group: None,
        adjudicated_group: None,
        score: None,
        next_action,
        rule: Rule::Convention(edition, code.name()),
        review: vec![Review {
            code,
            detail: reason.to_string().into(),
            source: None,
        }],
        reasons: vec![reason, Reason::Next(next_action)],
        warnings: Vec::new(),
    }
}

/// One case on its way through the convention.
struct Case<'e> {
    evidence: &'e Evidence,
    by: ReadBy<'e>,
    ihc: Readings<IhcReading>,
    /// Of the main population of cells.
    ish: Readings<IshReading>,
    further: Vec<Population<'e>>,
}

/// A further population of tumour cells that was counted separately.
struct Population<'e> {
    share: Share,
    source: &'e Source,
    ish: Readings<IshReading>,
}

impl<'e> Case<'e> {
    fn new(evidence: &'e Evidence, edition: Edition, conventions: &'e Conventions) -> Self {
        let by = ReadBy {
            edition,
            conventions,
            sample: evidence.handling.sample,
        };
        let Populations {
            main,
            further,
            impossible,
        } = populations(&evidence.ish);
        let mut case = Self {
            evidence,
            by,
            ihc: ihc_readings(&evidence.ihc, by),
            ish: match main {
                Some(results) => ish_readings(&results, by),
                None => uncounted(by),
            },
            further: (further.into_iter())
                .map(|(share, result)| Population {
                    share,
                    source: &result.source,
                    ish: ish_readings(&[result], by),
                })
                .collect(),
        };
        if let Some(result) = impossible {
            case.ish.contradictions.push(Review {
                code: ReviewCode::ValueImplausible,
                detail: "populations of more than 100 % of the tumour cells together".into(),
                source: Some(result.source.clone()),
            });
        }
        if case.not_fixed_in_formalin() {
            case.fail_every_test();
        }
        case
    }

    fn fail_every_test(&mut self) {
        if !self.evidence.ihc.is_empty() {
            self.ihc.readings = vec![IhcReading::Failed];
        }
        if !self.evidence.ish.is_empty() {
            self.ish.readings = vec![IshReading {
                initial: Count::Failed.into(),
                ..IshReading::default()
            }];
        }
        self.further.clear();
    }

    fn decide(mut self) -> Decision {
        let mut contradictions = std::mem::take(&mut self.ihc.contradictions);
        contradictions.append(&mut self.ish.contradictions);
        for population in &mut self.further {
            contradictions.append(&mut population.ish.contradictions);
        }
        if self.evidence.tissue == TissueStatement::Unclear {
            contradictions.push(Review {
                code: ReviewCode::ResultsDiffer,
                detail: "results name different sides or foci, and no specimen tells them apart"
                    .into(),
                source: None,
            });
        }
        let mut outcome = self.over_readings(&contradictions);
        self.hold_against_ish_word(&mut outcome, &mut contradictions);
        self.judge_populations(&mut outcome);
        self.hold_populations_against_words(&mut outcome, &mut contradictions);
        self.hold_against_reported(&mut outcome, &mut contradictions);
        self.hold_against_not_low(&mut outcome, &mut contradictions);
        self.hold_against_failed_count(&mut outcome);
        self.hold_against_unreadable(&mut outcome);
        self.question_histology(&mut outcome, &mut contradictions);
        self.ask_for_the_excision(&mut outcome);
        self.look_for_second_observer(&mut outcome);
        self.look_for_other_tissue(&mut outcome);
        self.name_what_is_missing(&mut outcome);
        self.record(outcome, contradictions)
    }

    /// Every reading of one test with every reading of the other.
    fn over_readings(&self, contradictions: &[Review]) -> Outcome {
        let merged = merge(
            self.pairs_of_readings()
                .map(|(ihc, ish)| self.over_possibilities(ihc, ish)),
        )
        .filter(|_| self.evidence.tissue != TissueStatement::Unclear);
        let Some(mut outcome) = merged else {
            return self.range_with_two_plus(contradictions).unwrap_or_else(|| {
                let mut outcome = Outcome::contradictory(self.convention("contradictory-data"));
                if contradictions.is_empty() {
                    outcome.review |= ReviewCode::ReadingAmbiguous;
                }
                outcome
            });
        };
        if !contradictions.is_empty() {
            outcome.reason = Reason::ContradictoryButAgreed;
            outcome.rule = self.convention("contradictory-data-agreed");
            outcome.ask(NextAction::ReviewDiscordance);
        }
        outcome
    }

    fn pairs_of_readings(&self) -> impl Iterator<Item = (IhcReading, IshReading)> + '_ {
        (self.ihc.readings.iter())
            .flat_map(|ihc| self.ish.readings.iter().map(move |ish| (*ihc, *ish)))
    }

    /// A range of scores that includes 2+, without ISH, is equivocal and asks for ISH.
    fn range_with_two_plus(&self, contradictions: &[Review]) -> Option<Outcome> {
        let two_plus = IhcReading::Score(Score::TwoPlus);
        let only_scores = (self.ihc.readings.iter()).all(|ihc| matches!(ihc, IhcReading::Score(_)));
        let no_ish = (self.ish.readings.iter())
            .all(|ish| possible_counts(*ish).all(|count| count == Ish::NotDone));
        (contradictions.is_empty()
            && only_scores
            && self.ihc.readings.contains(&two_plus)
            && no_ish)
            .then(|| self.answered(Ihc::Score(Score::TwoPlus), Ish::NotDone))
    }

    /// One reading: every possibility that missing or bounded values leave.
    fn over_possibilities(&self, ihc: IhcReading, ish: IshReading) -> Outcome {
        let outcomes = possible_scores(ihc).flat_map(|score| {
            possible_counts(ish).flat_map(move |count| {
                let once = with_recount(self.by.edition, count, score, ish);
                let outcome = self.answered(score, once);
                // What stands without a further count does so only where no recount on record may take it away.
                let recounts = (outcome.status.is_decided())
                    .then(|| possible_recounts(self.by.edition, once, ish));
                (recounts.into_iter().flatten())
                    .map(move |again| self.answered(score, again))
                    .chain([outcome])
            })
        });
        if let Some(agreed) = merge(outcomes) {
            return match ihc {
                IhcReading::OneOf(scores) => self.by_any_score(scores, agreed),
                _ => agreed,
            };
        }
        // Row 8.
        let undefined_word = self.ish.ambiguous && possible_counts(ish).nth(1).is_some();
        Outcome {
            review: if undefined_word {
                ReviewCode::ReadingAmbiguous.into()
            } else {
                ReviewCode::DataMissing.into()
            },
            ..Outcome::undecided(
                ihc == IhcReading::Score(Score::TwoPlus),
                self.convention("partial-data"),
                Reason::Undecided {
                    missing: self.missing(ihc, ish),
                },
            )
        }
    }

    /// Several scores that end alike name no single row of the table. That one of them would be discordant is no
    /// discordance where another is not.
    fn by_any_score(&self, scores: EnumSet<Score>, agreed: Outcome) -> Outcome {
        let is_discordant = agreed.review.contains(ReviewCode::IhcIshDiscordant);
        let fits = agreed.status == Status::Positive && scores.contains(Score::ThreePlus);
        let mut outcome = Outcome {
            rule: self.convention("any-possible-score"),
            reason: Reason::AnyPossibleScore,
            ..agreed
        };
        if is_discordant && fits {
            outcome.review -= ReviewCode::IhcIshDiscordant;
            outcome.action = NextAction::None;
        }
        outcome
    }

    /// On which measurement the status depends.
    fn missing(&self, ihc: IhcReading, ish: IshReading) -> &'static str {
        let first_count = (self.evidence.ish.iter())
            .find(|result| result.role == CountRole::Initial && result.has_numbers());
        match (ihc, first_count) {
            _ if self.is_main_population_uncounted() => "the count of the other tumour cells",
            (IhcReading::OneOf(_), _) => "the IHC score",
            (_, None) => "the ratio and the HER2 copies per cell of the ISH count",
            (_, Some(_)) if ish.initial.contains(Count::Failed) => "the number of cells counted",
            (_, Some(count)) if count.probe == Some(Probe::Single) && count.ratio.is_none() => {
                "the exact HER2 copies per cell"
            }
            (_, Some(count)) if count.ratio.is_none() && count.cep17_copies.is_none() => {
                "the HER2/CEP17 ratio, or on the kind of probe"
            }
            (_, Some(count)) if count.her2_copies.is_none() => "the HER2 copies per cell",
            (_, Some(_)) => "the exact ISH numbers",
        }
    }

    /// Whether the counts on record leave a part of the tumour open that may be large.
    fn is_main_population_uncounted(&self) -> bool {
        !self.further.is_empty()
            && (self.evidence.ish.iter()).all(|result| result.is_of_a_population())
            && (self.ish.readings.iter()).all(|ish| ish.initial == self.by.any_dual())
    }

    /// The table's answer to one possibility.
    fn answered(&self, ihc: Ihc, ish: Ish) -> Outcome {
        let ReadBy {
            edition,
            conventions,
            ..
        } = self.by;
        let Answer {
            status,
            action,
            review,
            comment,
            sentence,
            source,
        } = edition.answer(ihc, ish, conventions);
        Outcome {
            status,
            category: match categories(edition, conventions, status, ihc, ish) {
                [kind] => *kind,
                _ => category::kind_of_zero(&self.evidence.ihc),
            },
            action,
            rule: Rule::Row(edition, ihc, ish),
            review: review.into_iter().collect(),
            reason: Reason::Rule { sentence, source },
            comment,
            further: None,
        }
    }

    fn convention(&self, row: &'static str) -> Rule {
        Rule::Convention(self.by.edition, row)
    }
}

/// What is known of the main population where only smaller ones were counted.
fn uncounted(by: ReadBy<'_>) -> Readings<IshReading> {
    Readings {
        readings: vec![IshReading {
            initial: by.any_dual(),
            ..IshReading::default()
        }],
        contradictions: Vec::new(),
        ambiguous: false,
        warnings: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use enumset::EnumSet;

    use super::samples::{case, codes, count, decided, measure, source, untested};
    use super::*;
    use crate::her2::evidence::{IshResult, IshWord, Probe, StatedResult};

    #[test]
    fn a_site_that_is_not_known_gives_no_status_and_asks_for_it() {
        for site in [SiteFinding::Unknown, SiteFinding::Disputed] {
            let decision = decided(&Evidence {
                site,
                ..case(Score::ThreePlus)
            });
            assert_eq!(decision.status, Status::Insufficient);
            assert_eq!(decision.next_action, NextAction::ObtainData);
            assert_eq!(codes(&decision), [ReviewCode::SiteUnknown]);
        }
    }

    #[test]
    fn statements_that_contradict_each_other_are_asked_about_at_an_unknown_site_too() {
        let mut evidence = Evidence {
            site: SiteFinding::Unknown,
            ..case(Score::ThreePlus)
        };
        for result in &mut evidence.ihc {
            result.interpretation = Some(StatedResult::Negative);
            // Whether 5 % can be 3+ depends on the site.
            result.percent = measure("5");
        }
        assert_eq!(
            codes(&decided(&evidence)),
            [ReviewCode::SiteUnknown, ReviewCode::StatusContradictsData]
        );
        // No edition asks about findings at a site that none covers.
        evidence.site = SiteFinding::Known(Site::Lung);
        assert_eq!(codes(&decided(&evidence)), [ReviewCode::SiteWithoutEdition]);
    }

    #[test]
    fn a_site_without_an_edition_keeps_its_findings_and_has_no_status() {
        let lung = |score| {
            decided(&Evidence {
                site: SiteFinding::Known(Site::Lung),
                ..case(score)
            })
        };
        let three_plus = lung(Score::ThreePlus);
        assert_eq!(three_plus.status, Status::Insufficient);
        assert_eq!(three_plus.next_action, NextAction::None);
        assert!(three_plus.reasons.contains(&Reason::ThreePlusElsewhere));
        assert!(!(lung(Score::TwoPlus).reasons).contains(&Reason::ThreePlusElsewhere));
    }

    #[test]
    fn a_range_with_2_plus_and_without_ish_asks_for_ish() {
        let range = |scores: EnumSet<Score>, ish: Vec<IshResult>| {
            decided(&Evidence {
                ihc: vec![IhcResult::new(IhcFinding::Score(scores), source("ihc"))],
                ish,
                ..untested()
            })
        };
        let open = range(Score::OnePlus | Score::TwoPlus, Vec::new());
        assert_eq!(open.status, Status::Equivocal);
        assert_eq!(open.next_action, NextAction::ReflexIsh);
        // Group 4 is negative with 1+ and open with 2+.
        let counted = range(Score::OnePlus | Score::TwoPlus, vec![count("1.5", "5.0")]);
        assert_eq!(counted.status, Status::Insufficient);
        assert_eq!(codes(&counted), [ReviewCode::ReadingAmbiguous]);
    }

    #[test]
    fn an_undefined_word_is_asked_about_as_such_and_missing_numbers_as_missing() {
        let word = IshResult {
            result: Some(IshWord::Undefined),
            ..IshResult::new(source("ish"))
        };
        let with = |ish| {
            decided(&Evidence {
                ish: vec![ish],
                ..case(Score::TwoPlus)
            })
        };
        assert_eq!(codes(&with(word)), [ReviewCode::ReadingAmbiguous]);
        let ratio_alone = IshResult {
            her2_copies: None,
            ..count("1.5", "5.0")
        };
        let partial = with(ratio_alone);
        assert_eq!(partial.status, Status::Equivocal);
        assert_eq!(codes(&partial), [ReviewCode::DataMissing]);
    }

    #[test]
    fn several_scores_that_end_alike_name_no_row_of_the_table() {
        let negative = decided(&Evidence {
            ihc: vec![IhcResult::new(
                IhcFinding::Stated(StatedResult::Negative),
                source("ihc"),
            )],
            ..untested()
        });
        assert_eq!(negative.status, Status::Negative);
        assert_eq!(
            negative.rule.to_string(),
            "asco-cap-2018/convention/any-possible-score"
        );
        assert!(negative.reasons.contains(&Reason::AnyPossibleScore));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |evidence: &Evidence| {
            (decided(evidence).reasons.iter()).find_map(|reason| match reason {
                Reason::Undecided { missing } => Some(*missing),
                _ => None,
            })
        };
        let two_plus_with = |ish: IshResult| Evidence {
            ish: vec![ish],
            ..case(Score::TwoPlus)
        };
        let ratio_alone = IshResult {
            her2_copies: None,
            ..count("1.5", "5.0")
        };
        assert_eq!(
            missing(&two_plus_with(ratio_alone.clone())),
            Some("the HER2 copies per cell")
        );
        let copies_alone = IshResult {
            ratio: None,
            probe: None,
            ..count("1.5", "5.0")
        };
        assert_eq!(
            missing(&two_plus_with(copies_alone)),
            Some("the HER2/CEP17 ratio, or on the kind of probe")
        );
        let single = IshResult {
            ratio: None,
            probe: Some(Probe::Single),
            ..count("1.5", "5-7")
        };
        assert_eq!(
            missing(&two_plus_with(single)),
            Some("the exact HER2 copies per cell")
        );
        let few_cells = IshResult {
            cells: measure("10-30"),
            ..count("1.2", "3.0")
        };
        assert_eq!(
            missing(&two_plus_with(few_cells)),
            Some("the number of cells counted")
        );
        let cep17 = IshResult {
            ratio: None,
            cep17_copies: measure("2.5"),
            ..count("1.5", "5.0")
        };
        assert_eq!(
            missing(&two_plus_with(cep17)),
            Some("the exact ISH numbers")
        );
        let bounded = IshResult {
            probe: Some(Probe::Dual),
            ..count("1.5", "3-5")
        };
        assert_eq!(
            missing(&two_plus_with(bounded)),
            Some("the exact ISH numbers")
        );
        let word = IshResult {
            result: Some(IshWord::Undefined),
            ..IshResult::new(source("ish"))
        };
        assert_eq!(
            missing(&two_plus_with(word)),
            Some("the ratio and the HER2 copies per cell of the ISH count")
        );
        let positive_in_words = Evidence {
            ihc: vec![IhcResult::new(
                IhcFinding::Stated(StatedResult::Positive),
                source("ihc"),
            )],
            ..untested()
        };
        assert_eq!(missing(&positive_in_words), Some("the IHC score"));
        let mut beside_population = two_plus_with(ratio_alone.clone());
        beside_population.ish.push(IshResult {
            population_percent: measure("20"),
            ..count("1.2", "3.0")
        });
        assert_eq!(
            missing(&beside_population),
            Some("the HER2 copies per cell")
        );
        let small_population = two_plus_with(IshResult {
            population_percent: measure("30"),
            ..count("1.2", "3.0")
        });
        assert_eq!(
            missing(&small_population),
            Some("the count of the other tumour cells")
        );
    }

    #[test]
    fn a_status_stands_only_where_an_incomplete_recount_cannot_take_it_away() {
        let recounted = |score, first: IshResult, copies| {
            let recount = IshResult {
                role: CountRole::Recount,
                ratio: measure("1.5-2.5"),
                ..count("2.0", copies)
            };
            decided(&Evidence {
                ish: vec![first, recount],
                ..case(score)
            })
        };
        // Group 1 again, or group 4: the counts would differ.
        let first = count("2.5", "5.0");
        let taken_away = recounted(Score::TwoPlus, first.clone(), "5.0");
        assert_eq!(taken_away.status, Status::Equivocal);
        assert!(codes(&taken_away).contains(&ReviewCode::DataMissing));
        assert!(!recounted(Score::OnePlus, first, "5.0").status.is_decided());
        // Groups 2 and 5 beside IHC 1+ are negative, whichever the recount is.
        let stands = recounted(Score::OnePlus, count("1.2", "3.0"), "3.0");
        assert_eq!(stands.status, Status::Negative);
        // Row 13: without a complete recount, the recount is what follows.
        let row_13 = recounted(Score::TwoPlus, count("1.5", "5.0"), "5.0");
        assert_eq!(row_13.next_action, NextAction::RecountIsh);
    }

    #[test]
    fn a_question_names_the_same_resource_in_whatever_order_results_are_sent() {
        let of = |names: [&str; 2]| {
            let scores = [Score::OnePlus, Score::ThreePlus];
            let mut results: Vec<IhcResult> = (["a", "b"].iter().zip(scores))
                .map(|(name, score)| {
                    IhcResult::new(IhcFinding::Score(EnumSet::only(score)), source(name))
                })
                .collect();
            results
                .sort_by_key(|result| names.iter().position(|name| source(name) == result.source));
            decided(&Evidence {
                ihc: results,
                ..untested()
            })
        };
        assert_eq!(of(["a", "b"]), of(["b", "a"]));
    }
}
