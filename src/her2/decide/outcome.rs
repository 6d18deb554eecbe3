//! What one reading, or all of them together, come to.

use crate::her2::asco_cap_2018::Comment;
use crate::her2::decision::{Category, NextAction, ReviewCode, Status};
use crate::her2::reason::Reason;

/// What one reading, or all of them together, come to.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) status: Status,
    pub(super) category: Category,
    pub(super) action: NextAction,
    pub(super) rule: String,
    pub(super) review: Vec<ReviewCode>,
    pub(super) reason: Reason,
    pub(super) comment: Option<Comment>,
}

impl Outcome {
    /// No status: statements that cannot all be true end differently (row 3).
    pub(super) fn contradictory(rule: String) -> Self {
        Self {
            status: Status::Insufficient,
            category: Category::None,
            action: NextAction::ReviewDiscordance,
            rule,
            review: Vec::new(),
            reason: Reason::Contradictory,
            comment: None,
        }
    }

    /// Left open for lack of data, which never withdraws an admissible 2+ (row 8).
    pub(super) fn undecided(is_two_plus: bool, rule: String, reason: Reason) -> Self {
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
            review: Vec::new(),
            reason,
            comment: None,
        }
    }
}

/// Outcomes of one status together: what they share stands, the more careful action wins. `None` when they differ
/// in status.
pub(super) fn merge(outcomes: &[Outcome]) -> Option<Outcome> {
    let (first, others) = outcomes.split_first()?;
    if others.iter().any(|other| other.status != first.status) {
        return None;
    }
    let mut merged = first.clone();
    for other in others {
        if other.category != merged.category {
            merged.category = Category::None;
        }
        merged.action = more_careful(merged.action, other.action);
        // The rule and the reason are those of an outcome that asks for the action.
        if other.action == merged.action
            && first.action != merged.action
            && merged.rule != other.rule
        {
            merged.rule.clone_from(&other.rule);
            merged.reason = other.reason.clone();
        }
        if other.comment != merged.comment {
            merged.comment = None;
        }
        merged.review.extend(other.review.iter().copied());
    }
    merged.review.sort_unstable();
    merged.review.dedup();
    Some(merged)
}

fn more_careful(one: NextAction, other: NextAction) -> NextAction {
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

    fn negative(action: NextAction, category: Category) -> Outcome {
        Outcome {
            status: Status::Negative,
            category,
            action,
            rule: action.name().to_owned(),
            review: Vec::new(),
            reason: Reason::Next(action),
            comment: None,
        }
    }

    #[test]
    fn outcomes_that_differ_in_status_do_not_merge() {
        let open = Outcome::undecided(false, "open".to_owned(), Reason::Unreadable);
        let decided = negative(NextAction::None, Category::Low);
        assert!(merge(&[decided, open]).is_none());
        assert!(merge(&[]).is_none());
    }

    #[test]
    fn what_outcomes_share_stands_and_the_action_that_is_asked_for_brings_its_rule() {
        let quiet = negative(NextAction::None, Category::Low);
        let asking = negative(NextAction::ConcurrentIhc, Category::None);
        for pair in [
            [quiet.clone(), asking.clone()],
            [asking.clone(), quiet.clone()],
        ] {
            let merged = merge(&pair).unwrap();
            assert_eq!(merged.category, Category::None);
            assert_eq!(merged.action, NextAction::ConcurrentIhc);
            assert_eq!(merged.rule, asking.rule);
        }
        assert_eq!(
            merge(&[quiet.clone(), quiet]).unwrap().category,
            Category::Low
        );
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
            |is_two_plus| Outcome::undecided(is_two_plus, String::new(), Reason::Unreadable).status;
        assert_eq!(status(true), Status::Equivocal);
        assert_eq!(status(false), Status::Insufficient);
    }
}
