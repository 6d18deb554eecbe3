//! The decision as it is recorded: groups, reasons, questions for a person and remarks.

use enumset::EnumSet;

use super::Case;
use super::outcome::Outcome;
use super::possibilities::only_group;
use crate::her2::decision::{Decision, Group, Review, ReviewCode, Status, Warning, WarningCode};
use crate::her2::evidence::{CountRole, Source, TissueStatement};
use crate::her2::readings::{Count, Counts, IhcReading, IshReading};
use crate::her2::reason::Reason;

impl Case<'_> {
    pub(super) fn record(&self, outcome: Outcome, contradictions: Vec<Review>) -> Decision {
        let counts = |of: fn(&IshReading) -> Counts| -> Counts {
            self.ish.readings.iter().map(of).collect()
        };
        let initial = counts(|reading| reading.initial);

        let mut warnings = self.ihc.warnings.clone();
        warnings.extend(self.ish.warnings.iter().cloned());
        warnings.extend(self.warnings_of_use(&outcome));

        let mut review = contradictions;
        review.extend(outcome.review.iter().map(|code| Review {
            code: *code,
            detail: question(*code).to_owned(),
            source: self.source_of(*code),
        }));

        let mut reasons = Vec::new();
        let possible: EnumSet<Group> = initial.iter().filter_map(Count::group).collect();
        if !possible.is_empty() {
            reasons.push(Reason::Groups(possible));
        }
        reasons.push(outcome.reason);
        reasons.extend(outcome.comment.map(Reason::Comment));
        if outcome.status == Status::Negative {
            reasons.push(Reason::Category(outcome.category));
        }

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
        let failed = (self.ish.readings.iter()).any(|ish| ish.initial == Count::Failed);
        if failed && outcome.status.is_decided() {
            warnings.push(Warning {
                code: WarningCode::IshUnusable,
                detail: "the ISH failed or counted fewer than 20 cells; IHC decided".to_owned(),
            });
        }
        let both = !self.evidence.ihc.is_empty() && !self.evidence.ish.is_empty();
        if both && self.evidence.tissue == TissueStatement::NotStated {
            warnings.push(Warning {
                code: WarningCode::TissueNotStated,
                detail: format!(
                    "IHC and ISH do not both state their block; they were joined by {}",
                    self.evidence.joined_by.name()
                ),
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
        other => other.name(),
    }
}
