//! The patient view: the results of several specimens of one tumour side by side, for a reader who asks about the patient.
//!
//! Each specimen keeps its own result; this is a second statement beside them. It takes the highest status of one tumour
//! (SEER EOD 3.3, HER2 Overall Summary, note 3) and shows that they differ; a HER2-low on any specimen is kept, since it
//! may be acted upon (convention). Which specimens are of one tumour is not decided here.

use super::decision::{Category, Decision, NextAction, Review, ReviewCode, Status};
use super::guideline::{Edition, Rule};
use super::reason::Reason;

/// The view of a tumour's specimens; `None` without any.
pub fn patient_view(edition: Edition, specimens: &[&Decision]) -> Option<Decision> {
    let highest = specimens
        .iter()
        .min_by_key(|decision| (rank(decision.status), decision.next_action))?;
    let differ = specimens
        .iter()
        .any(|decision| decision.status != highest.status);
    // An open specimen beside a negative one is asked about already; a positive beside a negative one is a question.
    let contradict = highest.status == Status::Positive
        && (specimens.iter()).any(|decision| decision.status == Status::Negative);
    let next_action = match highest.next_action {
        NextAction::None if contradict => NextAction::ReviewDiscordance,
        action => action,
    };
    let category = match highest.status {
        Status::Negative => lowest_kept(specimens.iter().map(|decision| decision.category)),
        _ => highest.category,
    };
    let mut reasons = vec![if differ {
        Reason::HighestOfSpecimens
    } else {
        Reason::SpecimensAgree
    }];
    if highest.status == Status::Negative && edition.has_kinds_of_negative() {
        reasons.push(Reason::Category(category));
    }
    reasons.push(Reason::Next(next_action));
    Some(Decision {
        status: highest.status,
        category,
        ish_group: None,
        recount_group: None,
        adjudicated_group: None,
        score: None,
        next_action,
        rule: Rule::Convention(edition, "patient-view"),
        reasons,
        review: if differ {
            vec![Review {
                code: ReviewCode::SpecimensDiffer,
                detail: "specimens of one tumour have different results".into(),
                source: None,
            }]
        } else {
            Vec::new()
        },
        warnings: Vec::new(),
    })
}

/// Positive first; what is open stands above a negative, so that no open specimen is covered by one.
fn rank(status: Status) -> u8 {
    match status {
        Status::Positive => 0,
        Status::Equivocal => 1,
        Status::Indeterminate => 2,
        Status::Insufficient => 3,
        Status::Negative => 4,
    }
}

/// The kind of several negative results: low on any specimen is kept, then ultralow; null only where every one is.
fn lowest_kept(categories: impl Iterator<Item = Category> + Clone) -> Category {
    for kept in [Category::Low, Category::Ultralow] {
        if categories.clone().any(|category| category == kept) {
            return kept;
        }
    }
    let mut categories = categories;
    match categories.next() {
        Some(first) if categories.clone().all(|category| category == first) => first,
        // Null and unspecified together leave open whether there was staining.
        Some(Category::Null | Category::ZeroUnspecified)
            if categories
                .all(|category| matches!(category, Category::Null | Category::ZeroUnspecified)) =>
        {
            Category::ZeroUnspecified
        }
        _ => Category::None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn result(status: Status, category: Category, next_action: NextAction) -> Decision {
        Decision {
            status,
            category,
            ish_group: None,
            recount_group: None,
            adjudicated_group: None,
            score: None,
            next_action,
            rule: Rule::Convention(Edition::AscoCap2018, "test"),
            reasons: Vec::new(),
            review: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn negative(category: Category) -> Decision {
        result(Status::Negative, category, NextAction::None)
    }

    fn view(specimens: &[Decision]) -> Decision {
        patient_view(Edition::AscoCap2018, &specimens.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_positive_excision_after_a_negative_core_is_positive_and_a_question() {
        let positive = result(Status::Positive, Category::Positive, NextAction::None);
        let seen = view(&[negative(Category::Low), positive.clone()]);
        assert_eq!(seen.status, Status::Positive);
        assert_eq!(seen.category, Category::Positive);
        assert_eq!(seen.next_action, NextAction::ReviewDiscordance);
        let codes: Vec<ReviewCode> = seen.review.iter().map(|review| review.code).collect();
        assert_eq!(codes, [ReviewCode::SpecimensDiffer]);

        let failed = result(
            Status::Indeterminate,
            Category::None,
            NextAction::RepeatTest,
        );
        let beside_failed = view(&[positive.clone(), failed]);
        assert_eq!(beside_failed.next_action, NextAction::None);

        let names_a_kind = |seen: &Decision| {
            (seen.reasons.iter()).any(|reason| matches!(reason, Reason::Category(_)))
        };
        assert!(!names_a_kind(&beside_failed));
        assert!(names_a_kind(&view(&[negative(Category::Low)])));
        let gastric = patient_view(Edition::Gastric2016, &[&negative(Category::None)]).unwrap();
        assert!(!names_a_kind(&gastric));

        let alone = view(&[positive]);
        assert_eq!(alone.next_action, NextAction::None);
        assert!(alone.review.is_empty());
    }

    #[test]
    fn an_open_specimen_is_not_covered_by_a_negative_one() {
        let open = result(
            Status::Equivocal,
            Category::Equivocal,
            NextAction::ReflexIsh,
        );
        for pair in [
            [negative(Category::Low), open.clone()],
            [open, negative(Category::Low)],
        ] {
            let seen = view(&pair);
            assert_eq!(seen.status, Status::Equivocal);
            assert_eq!(seen.category, Category::Equivocal);
            assert_eq!(seen.next_action, NextAction::ReflexIsh);
        }
        let failed = result(
            Status::Indeterminate,
            Category::None,
            NextAction::RepeatTest,
        );
        let missing = result(Status::Insufficient, Category::None, NextAction::ObtainData);
        let seen = view(&[missing, failed, negative(Category::Null)]);
        assert_eq!(seen.status, Status::Indeterminate);
    }

    #[test]
    fn low_on_any_specimen_is_kept() {
        use Category::{Low, None, Null, Ultralow, ZeroUnspecified};
        for (categories, kept) in [
            ([Null, Low], Low),
            ([None, Low], Low),
            ([Null, Ultralow], Ultralow),
            ([Null, Null], Null),
            ([Null, ZeroUnspecified], ZeroUnspecified),
            ([ZeroUnspecified, None], None),
            ([None, None], None),
        ] {
            let seen = view(&categories.map(negative));
            assert_eq!(seen.category, kept, "{categories:?}");
            assert_eq!(seen.next_action, NextAction::None);
            assert!(seen.review.is_empty());
        }
    }

    #[test]
    fn no_specimen_has_no_view() {
        assert_eq!(patient_view(Edition::AscoCap2018, &[]), None);
    }
}
