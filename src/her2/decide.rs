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
mod possibilities;
mod record;

use super::asco_cap_2018::{Answer, Ihc, Ish};
use super::decision::{Category, Decision, NextAction, Review, ReviewCode, Status};
use super::evidence::{CountRole, Evidence, Score, SiteFinding, TissueStatement};
use super::guideline::Edition;
use super::readings::{IhcReading, IshReading, Readings, ihc_readings, ish_readings};
use super::reason::Reason;
use outcome::{Outcome, merge};
use possibilities::{possible_counts, possible_scores, with_recount};

pub use category::categories;

/// What a site may choose where the guideline is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// A negative result of group 2 or 4 with IHC 2+ counts as HER2-low. Consistent with "2+ and ISH negative",
    /// but contested; when off, its category is `none`.
    pub group_2_or_4_with_2_plus_is_low: bool,
}

impl Default for Conventions {
    fn default() -> Self {
        Self {
            group_2_or_4_with_2_plus_is_low: true,
        }
    }
}

/// Decides one case.
pub fn decide(evidence: &Evidence, edition: Edition, conventions: &Conventions) -> Decision {
    let read: Vec<Reason> = (evidence.ihc.iter().map(Reason::from_ihc))
        .chain(evidence.ish.iter().map(Reason::from_ish))
        .collect();
    let mut decision = match evidence.site {
        SiteFinding::Known(site) if edition.covers(site) => {
            Case::new(evidence, edition, conventions).decide()
        }
        SiteFinding::Known(site) => without_guideline(
            edition,
            NextAction::None,
            ReviewCode::SiteWithoutEdition,
            Reason::SiteWithoutEdition(site),
        ),
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
        decision.review.extend(contradictions_at_any_site(evidence));
    }
    decision
        .review
        .extend(evidence.unreadable.iter().map(|item| Review {
            code: ReviewCode::ValueUnreadable,
            detail: item.detail.clone(),
            source: Some(item.source.clone()),
        }));
    decision.review.sort();
    decision.review.dedup();
    decision.warnings.sort();
    decision.warnings.dedup();
    decision.reasons.splice(0..0, read);
    decision.reasons.push(Reason::Next(decision.next_action));
    decision
}

/// Statements that cannot both be true whatever the tumour is. What a percentage may be depends on the site.
fn contradictions_at_any_site(evidence: &Evidence) -> Vec<Review> {
    let mut contradictions = ihc_readings(&evidence.ihc).contradictions;
    contradictions.extend(ish_readings(&evidence.ish).contradictions);
    contradictions.retain(|review| review.code != ReviewCode::PercentContradictsScore);
    contradictions
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
        rule: format!("{}/convention/{}", edition.id(), code.name()),
        review: vec![Review {
            code,
            detail: reason.to_string(),
            source: None,
        }],
        reasons: vec![reason],
        warnings: Vec::new(),
    }
}

/// One case on its way through the convention.
struct Case<'e> {
    evidence: &'e Evidence,
    edition: Edition,
    conventions: &'e Conventions,
    ihc: Readings<IhcReading>,
    ish: Readings<IshReading>,
}

impl<'e> Case<'e> {
    fn new(evidence: &'e Evidence, edition: Edition, conventions: &'e Conventions) -> Self {
        Self {
            evidence,
            edition,
            conventions,
            ihc: ihc_readings(&evidence.ihc),
            ish: ish_readings(&evidence.ish),
        }
    }

    fn decide(&self) -> Decision {
        let mut contradictions = self.ihc.contradictions.clone();
        contradictions.extend(self.ish.contradictions.iter().cloned());
        if self.evidence.tissue == TissueStatement::Unclear {
            contradictions.push(Review {
                code: ReviewCode::ResultsDiffer,
                detail: "results name different sides or foci, and no specimen tells them apart"
                    .to_owned(),
                source: None,
            });
        }
        let mut outcome = self.over_readings(&contradictions);
        self.hold_against_ish_word(&mut outcome, &mut contradictions);
        self.hold_against_reported(&mut outcome, &mut contradictions);
        self.hold_against_failed_count(&mut outcome);
        self.hold_against_unreadable(&mut outcome);
        self.look_for_other_tissue(&mut outcome);
        self.name_what_is_missing(&mut outcome, &contradictions);
        self.record(outcome, contradictions)
    }

    /// Every reading of one test with every reading of the other.
    fn over_readings(&self, contradictions: &[Review]) -> Outcome {
        let outcomes: Vec<Outcome> = self
            .pairs_of_readings()
            .map(|(ihc, ish)| self.over_possibilities(ihc, ish))
            .collect();
        let merged = merge(&outcomes).filter(|_| self.evidence.tissue != TissueStatement::Unclear);
        let Some(mut outcome) = merged else {
            return self.range_with_two_plus(contradictions).unwrap_or_else(|| {
                let mut outcome = Outcome::contradictory(self.convention("contradictory-data"));
                if contradictions.is_empty() {
                    outcome.review.push(ReviewCode::ReadingAmbiguous);
                }
                outcome
            });
        };
        if !contradictions.is_empty() {
            outcome.reason = Reason::ContradictoryButAgreed;
            outcome.rule = self.convention("contradictory-data-agreed");
            if outcome.action == NextAction::None {
                outcome.action = NextAction::ReviewDiscordance;
            }
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
        let no_ish = (self.ish.readings.iter()).all(|ish| possible_counts(*ish) == [Ish::NotDone]);
        (contradictions.is_empty()
            && only_scores
            && self.ihc.readings.contains(&two_plus)
            && no_ish)
            .then(|| self.answered(Ihc::Score(Score::TwoPlus), Ish::NotDone))
    }

    /// One reading: every possibility that missing or bounded values leave.
    fn over_possibilities(&self, ihc: IhcReading, ish: IshReading) -> Outcome {
        let counts = possible_counts(ish);
        let mut outcomes = Vec::new();
        for score in possible_scores(ihc) {
            for count in &counts {
                outcomes.push(self.answered(score, with_recount(*count, score, ish)));
            }
        }
        if let Some(agreed) = merge(&outcomes) {
            return agreed;
        }
        // Row 8.
        let undefined_word = self.ish.ambiguous && counts.len() > 1;
        Outcome {
            review: vec![if undefined_word {
                ReviewCode::ReadingAmbiguous
            } else {
                ReviewCode::DataMissing
            }],
            ..Outcome::undecided(
                ihc == IhcReading::Score(Score::TwoPlus),
                self.convention("partial-data"),
                Reason::Undecided {
                    missing: self.missing(ihc),
                },
            )
        }
    }

    /// Which measurement would decide.
    fn missing(&self, ihc: IhcReading) -> &'static str {
        let first_count = (self.evidence.ish.iter())
            .find(|result| result.role == CountRole::Initial && result.has_numbers());
        match (ihc, first_count) {
            (IhcReading::OneOf(_), _) => "the IHC score",
            (_, None) => "the ratio and the HER2 copies per cell of the ISH count",
            (_, Some(count)) if count.ratio.is_none() && count.cep17_copies.is_none() => {
                "the HER2/CEP17 ratio, or the kind of probe,"
            }
            (_, Some(count)) if count.her2_copies.is_none() => "the HER2 copies per cell",
            (_, Some(_)) => "the exact ISH numbers",
        }
    }

    /// The table's answer to one possibility.
    fn answered(&self, ihc: Ihc, ish: Ish) -> Outcome {
        let Answer {
            status,
            action,
            review,
            comment,
            sentence,
            source,
        } = self.edition.answer(ihc, ish);
        Outcome {
            status,
            category: match categories(self.conventions, status, ihc, ish) {
                [kind] => *kind,
                _ => category::kind_of_zero(&self.evidence.ihc),
            },
            action,
            rule: self.edition.rule_id(ihc, ish),
            review: review.into_iter().collect(),
            reason: Reason::Rule { sentence, source },
            comment,
        }
    }

    fn convention(&self, row: &str) -> String {
        format!("{}/convention/{row}", self.edition.id())
    }
}
