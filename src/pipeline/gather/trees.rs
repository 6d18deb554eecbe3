//! Which reports and panels stand above an Observation.

use std::collections::{BTreeMap, BTreeSet};

use crate::fhir::candidates::{Candidates, ObservationNode, ReportNode};

/// The reports and panels of a pool, seen from the Observations below them.
pub(super) struct Trees<'r> {
    roots: Vec<&'r ObservationNode<'r>>,
    reports_of: BTreeMap<&'r str, BTreeSet<&'r str>>,
    ancestors_of: BTreeMap<&'r str, Vec<&'r str>>,
    parents_of: BTreeMap<&'r str, Vec<&'r str>>,
    not_found_of: BTreeMap<&'r str, Vec<String>>,
}

impl<'r> Trees<'r> {
    pub(super) fn read(candidates: &'r Candidates<'r>) -> Self {
        let members = candidates.members();
        let mut trees = Self {
            roots: (candidates.observations.values())
                .filter(|observation| !members.contains(observation.key))
                .collect(),
            reports_of: BTreeMap::new(),
            ancestors_of: BTreeMap::new(),
            parents_of: BTreeMap::new(),
            not_found_of: BTreeMap::new(),
        };
        for report in candidates.reports.values() {
            let not_found = trees.not_found_of.entry(report.key).or_default();
            for result in &report.results {
                let (tree, missing) = candidates.tree(result);
                not_found.extend(
                    missing
                        .into_iter()
                        .filter(|key| report.results.contains(key)),
                );
                for observation in tree {
                    trees
                        .reports_of
                        .entry(observation.key)
                        .or_default()
                        .insert(report.key);
                }
            }
        }
        for parent in candidates.observations.values() {
            for member in &parent.members {
                if let Some(member) = candidates.observations.get(member.as_str()) {
                    trees
                        .parents_of
                        .entry(member.key)
                        .or_default()
                        .push(parent.key);
                }
            }
        }
        for root in &trees.roots {
            note_ancestors(candidates, root, &mut Vec::new(), &mut trees.ancestors_of);
        }
        trees
    }

    /// The reports that name an Observation, directly or through its panel.
    pub(super) fn reports(
        &self,
        observation: &ObservationNode<'_>,
    ) -> impl Iterator<Item = &'r str> {
        self.reports_of
            .get(observation.key)
            .into_iter()
            .flatten()
            .copied()
    }

    /// The Observations above an Observation, the root first.
    pub(super) fn ancestors(&self, observation: &ObservationNode<'_>) -> &[&'r str] {
        self.ancestors_of
            .get(observation.key)
            .map_or(&[], Vec::as_slice)
    }

    /// Every Observation above an Observation, by whatever path.
    pub(super) fn all_above(&self, observation: &ObservationNode<'_>) -> BTreeSet<&'r str> {
        let mut above = BTreeSet::new();
        let mut waiting = vec![observation.key];
        while let Some(key) = waiting.pop() {
            for parent in self.parents_of.get(key).into_iter().flatten() {
                if above.insert(*parent) {
                    waiting.push(parent);
                }
            }
        }
        above
    }

    /// The results that a report names itself and that nobody can find.
    pub(super) fn not_found(&self, report: &ReportNode<'_>) -> &[String] {
        self.not_found_of.get(report.key).map_or(&[], Vec::as_slice)
    }

    /// Observations in the order a reader meets them: each tree from its root down, trees by the key of their root.
    pub(super) fn in_order(&self, candidates: &'r Candidates<'r>) -> Vec<&'r ObservationNode<'r>> {
        let mut ordered: Vec<&'r ObservationNode<'r>> = Vec::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let all = (self.roots.iter().copied())
            // Members of each other have no root; they are met by key.
            .chain(candidates.observations.values());
        for root in all {
            for observation in candidates.tree(root.key).0 {
                if seen.insert(observation.key) {
                    ordered.push(observation);
                }
            }
        }
        ordered
    }
}

fn note_ancestors<'r>(
    candidates: &'r Candidates<'r>,
    observation: &'r ObservationNode<'r>,
    above: &mut Vec<&'r str>,
    ancestors_of: &mut BTreeMap<&'r str, Vec<&'r str>>,
) {
    if ancestors_of.contains_key(observation.key) {
        return;
    }
    ancestors_of.insert(observation.key, above.clone());
    above.push(observation.key);
    for member in &observation.members {
        if let Some(member) = candidates.observations.get(member.as_str()) {
            note_ancestors(candidates, member, above, ancestors_of);
        }
    }
    above.pop();
}
