//! What one reading, or all of them together, come to.

use enumset::EnumSet;

use crate::her2::decision::{Category, NextAction, ReviewCode, Status};
use crate::her2::guideline::{Comment, Rule};
use crate::her2::reason::Reason;

/// What one reading, or all of them together, come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) category: Category,
    pub(super) action: NextAction,
    pub(super) rule: Rule,
    pub(super) review: EnumSet<ReviewCode>,
    pub(super) reason: Reason,
    pub(super) comment: Option<Comment>,
    /// What else the status or the action rests on.
    pub(super) further: Option<Reason>,
}

impl Outcome {
    /// No status: statements that cannot all be true end differently (row 3).
    pub(super) fn contradictory(rule: Rule) -> Self {
        Self {
            status: Status::Insufficient,
            category: Category::None,
            action: NextAction::ReviewDiscordance,
            rule,
            review: EnumSet::empty(),
            reason: Reason::Contradictory,
            comment: None,
            further: None,
        }
    }

    /// Left open for lack of data, which never withdraws an admissible 2+ (row 8).
    pub(super) fn undecided(is_two_plus: bool, rule: Rule, reason: Reason) -> Self {
        let (status, category) = if is_two_plus {
            (Status::Equivocal, Category::Equivocal)
        } else {
            (Status::Insufficient, Category::None)
        };
        Self {
            status,
            category,
            action: NextAction::ObtainData,
            rule,
            review: EnumSet::empty(),
            reason,
            comment: None,
            further: None,
        }
    }
}

impl Outcome {
    /// Asks for something where nothing is asked for yet.
    pub(super) fn ask(&mut self, action: NextAction) {
        if self.action == NextAction::None {
            self.action = action;
        }
    }
}

/// Outcomes of one status together: what they share stands, the more careful action wins. `None` when they differ
/// in status.
pub(super) fn merge(outcomes: impl IntoIterator<Item = Outcome>) -> Option<Outcome> {
    let mut outcomes = outcomes.into_iter();
    let first = outcomes.next()?;
    let mut merged = first;
    for other in outcomes {
        if other.status != merged.status {
            return None;
        }
        if other.category != merged.category {
            merged.category = Category::None;
        }
        merged.action = more_careful(merged.action, other.action);
        // The rule and the reason are those of an outcome that asks for the action.
        if other.action == merged.action
            && first.action != merged.action
            && merged.rule != other.rule
        {
            merged.rule = other.rule;
            merged.reason = other.reason;
        }
        if other.comment != merged.comment {
            merged.comment = None;
        }
        merged.review |= other.review;
    }
    Some(merged)
}

/// The action of two that asks more.
pub(super) fn more_careful(one: NextAction, other: NextAction) -> NextAction {
    match (one, other) {
        (one, other) if one == other => one,
        (NextAction::ReviewDiscordance, _) | (_, NextAction::ReviewDiscordance) => {
            NextAction::ReviewDiscordance
        }
        (NextAction::None, asked) | (asked, NextAction::None) => asked,
        // Two different tests: which of them is needed depends on what is missing.
        _ => NextAction::ObtainData,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::her2::guideline::Edition;

    const CONVENTION: Rule = Rule::Convention(Edition::AscoCap2018, "open");

    fn negative(action: NextAction, category: Category) -> Outcome {
        Outcome {
            status: Status::Negative,
            category,
            action,
            rule: Rule::Convention(Edition::AscoCap2018, action.name()),
            review: EnumSet::empty(),
            reason: Reason::Next(action),
            comment: None,
            further: None,
        }
    }

    #[test]
    fn outcomes_that_differ_in_status_do_not_merge() {
        let open = Outcome::undecided(false, CONVENTION, Reason::Unreadable);
        let decided = negative(NextAction::None, Category::Low);
        assert!(merge([decided, open]).is_none());
        assert!(merge([]).is_none());
    }

    #[test]
    fn what_outcomes_share_stands_and_the_action_that_is_asked_for_brings_its_rule() {
        let quiet = negative(NextAction::None, Category::Low);
        let asking = negative(NextAction::ConcurrentIhc, Category::None);
        for pair in [[quiet, asking], [asking, quiet]] {
            let merged = merge(pair).unwrap();
            assert_eq!(merged.category, Category::None);
            assert_eq!(merged.action, NextAction::ConcurrentIhc);
            assert_eq!(merged.rule, asking.rule);
        }
        assert_eq!(merge([quiet, quiet]).unwrap().category, Category::Low);
    }

    #[test]
    fn two_different_tests_become_a_question_for_data_and_discordance_wins() {
        use NextAction::{DualProbeIsh, None, ObtainData, RecountIsh, ReviewDiscordance};
        assert_eq!(more_careful(RecountIsh, DualProbeIsh), ObtainData);
        assert_eq!(more_careful(RecountIsh, RecountIsh), RecountIsh);
        assert_eq!(
            more_careful(RecountIsh, ReviewDiscordance),
            ReviewDiscordance
        );
        assert_eq!(more_careful(None, ReviewDiscordance), ReviewDiscordance);
    }

    #[test]
    fn missing_data_leaves_a_2_plus_equivocal() {
        let status =
            |is_two_plus| Outcome::undecided(is_two_plus, CONVENTION, Reason::Unreadable).status;
        assert_eq!(status(true), Status::Equivocal);
        assert_eq!(status(false), Status::Insufficient);
    }

    #[test]
    fn the_rule_of_the_first_stands_unless_another_asks_for_more() {
        let one = negative(NextAction::ConcurrentIhc, Category::Low);
        let other = Outcome {
            rule: Rule::Convention(Edition::AscoCap2018, "other"),
            comment: Some(Comment::Group4),
            ..one
        };
        let merged = merge([one, other]).unwrap();
        assert_eq!(merged.rule, one.rule);
        assert_eq!(merged.comment, None);
        let commented = merge([other, other]).unwrap();
        assert_eq!(commented.comment, Some(Comment::Group4));
    }

    #[test]
    fn the_questions_of_all_outcomes_are_asked_once() {
        let asking = |code: ReviewCode| Outcome {
            review: code.into(),
            ..negative(NextAction::ReviewDiscordance, Category::Low)
        };
        let codes = [
            ReviewCode::IhcMissing,
            ReviewCode::DataMissing,
            ReviewCode::IhcMissing,
        ];
        let merged = merge(codes.map(asking)).unwrap();
        assert_eq!(
            merged.review,
            ReviewCode::DataMissing | ReviewCode::IhcMissing
        );
    }
}
