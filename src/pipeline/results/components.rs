//! The parts of the result: category, next action, ISH groups, IHC score, and the numbers digit for digit.

use her2_models::{Component, ComponentValue, Quantity};

use super::Composer;
use super::parts::concept;
use crate::her2::decision::Category;
use crate::her2::evidence::{CountRole, IshResult, Site, SiteFinding};
use crate::her2::number::{Comparator, Form, Measure};
use crate::mapping::output::Unit;
use crate::mapping::terminology::{component, group_code, system};

impl Composer<'_> {
    pub(super) fn components(&self) -> Vec<Component> {
        let decision = &self.case.decision;
        let mut components = Vec::new();
        let own = |question: &str, system: &str, answer: &str| Component {
            code: self.own_concept(system::COMPONENT, question),
            value: ComponentValue::Concept(self.own_concept(system, answer)),
        };
        if self.shows_category() {
            components.push(own(
                component::CATEGORY,
                system::CATEGORY,
                decision.category.name(),
            ));
        }
        components.push(own(
            component::NEXT_ACTION,
            system::NEXT_ACTION,
            decision.next_action.name(),
        ));
        for (question, group) in [
            (component::ISH_GROUP, decision.ish_group),
            (component::RECOUNT_GROUP, decision.recount_group),
            (component::ADJUDICATED_GROUP, decision.adjudicated_group),
        ] {
            if let Some(group) = group {
                components.push(own(question, system::ISH_GROUP, &group_code(group)));
            }
        }
        let codes = &self.publishing.codes;
        if let Some(answer) = decision
            .score
            .and_then(|score| codes.score.get(score.name()))
        {
            let question = match self.case.evidence.site {
                SiteFinding::Known(Site::Breast) => &codes.codes.ihc_score_breast,
                _ => &codes.codes.ihc_score,
            };
            components.push(Component {
                code: concept(question),
                value: ComponentValue::Concept(concept(answer)),
            });
        }
        if let Some(count) = self.count() {
            for (question, value, unit) in [
                (&codes.codes.ish_ratio, &count.ratio, &codes.units.ratio),
                (
                    &codes.codes.ish_her2_copies,
                    &count.her2_copies,
                    &codes.units.copies,
                ),
                (
                    &codes.codes.ish_cep17_copies,
                    &count.cep17_copies,
                    &codes.units.copies,
                ),
                (&codes.codes.ish_cells, &count.cells, &codes.units.cells),
            ] {
                if let Some(value) = value.as_ref().and_then(|value| self.number(value, unit)) {
                    components.push(Component {
                        code: concept(question),
                        value,
                    });
                }
            }
        }
        components
    }

    /// Whether the category is published: a kind of negative only where the site wants that.
    pub(super) fn shows_category(&self) -> bool {
        let kind_of_negative = matches!(
            self.case.decision.category,
            Category::Low | Category::Ultralow | Category::Null | Category::ZeroUnspecified
        );
        self.publishing.low_and_ultralow || !kind_of_negative
    }

    /// The count whose numbers are published: the adjudicated one, else the first count, where there is exactly one.
    fn count(&self) -> Option<&IshResult> {
        let of_role = |role| {
            let mut results = self
                .case
                .evidence
                .ish
                .iter()
                .filter(move |result| result.role == role);
            match (results.next(), results.next()) {
                (Some(only), None) => Some(only),
                _ => None,
            }
        };
        of_role(CountRole::Adjudicated).or_else(|| of_role(CountRole::Initial))
    }

    /// A number digit for digit.
    fn number(&self, measure: &Measure, unit: &Unit) -> Option<ComponentValue> {
        let quantity = |value: &str, comparator| Quantity {
            value: value.to_owned(),
            comparator,
            unit: Some(unit.unit.clone()),
            system: Some(self.publishing.codes.units.system.clone()),
            code: Some(unit.code.clone()),
        };
        let written = measure.written();
        Some(match measure.form() {
            Form::Point => ComponentValue::Quantity(quantity(written, None)),
            Form::Compared(comparator) => ComponentValue::Quantity(quantity(
                written.strip_prefix(comparator.symbol())?,
                Some(match comparator {
                    Comparator::Below => her2_models::Comparator::Less,
                    Comparator::AtMost => her2_models::Comparator::LessOrEqual,
                    Comparator::AtLeast => her2_models::Comparator::GreaterOrEqual,
                    Comparator::Above => her2_models::Comparator::Greater,
                }),
            )),
            Form::Range => {
                let (low, high) = written.split_once('-')?;
                ComponentValue::Range {
                    low: Some(quantity(low, None)),
                    high: Some(quantity(high, None)),
                }
            }
            Form::Quotient => {
                let (numerator, denominator) = written.split_once(':')?;
                let plain = |value: &str| Quantity {
                    value: value.to_owned(),
                    ..Quantity::default()
                };
                ComponentValue::Ratio {
                    numerator: plain(numerator),
                    denominator: plain(denominator),
                }
            }
        })
    }
}
