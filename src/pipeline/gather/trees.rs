//! Which reports and panels stand above an Observation.

use std::collections::{BTreeMap, BTreeSet};

use crate::fhir::candidates::{Candidates, ObservationNode, ReportNode};

/// An Observation in more panels within each other than this is not read; a panel of panels is already rare.
pub(super) const MOST_PANELS: usize = 64;

/// The reports and panels of a pool, seen from the Observations below them.
pub(super) struct Trees<'r> {
    roots: Vec<&'r ObservationNode<'r>>,
    reports_of: BTreeMap<&'r str, BTreeSet<&'r str>>,
    ancestors_of: BTreeMap<&'r str, Vec<&'r str>>,
    not_found_of: BTreeMap<&'r str, Vec<&'r str>>,
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
            not_found_of: BTreeMap::new(),
        };
        for report in candidates.reports.values() {
            let (observations, missing) =
                candidates.trees(report.results.iter().map(String::as_str));
            let not_found = (report.results.iter())
                .map(String::as_str)
                .filter(|key| missing.contains(key));
            trees.not_found_of.insert(report.key, not_found.collect());
            for observation in observations {
                trees
                    .reports_of
                    .entry(observation.key)
                    .or_default()
                    .insert(report.key);
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

    /// The results that a report names itself and that nobody can find.
    pub(super) fn not_found(&self, report: &ReportNode<'_>) -> &[&'r str] {
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
            if seen.contains(root.key) {
                continue;
            }
            for observation in candidates.trees(std::iter::once(root.key)).0 {
                if seen.insert(observation.key) {
                    ordered.push(observation);
                }
            }
        }
        ordered
    }
}

/// Adds the Observations below a panel, by whatever path, to those already known to be below one.
pub(super) fn add_below<'r>(
    candidates: &'r Candidates<'r>,
    panel: &'r ObservationNode<'r>,
    below: &mut BTreeSet<&'r str>,
) {
    let mut waiting = vec![panel];
    while let Some(panel) = waiting.pop() {
        for member in &panel.members {
            if let Some(member) = candidates.observations.get(member.as_str())
                && below.insert(member.key)
            {
                waiting.push(member);
            }
        }
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
    // Beyond the limit, all stand in the same panels.
    let deeper = above.len() < MOST_PANELS;
    if deeper {
        above.push(observation.key);
    }
    for member in &observation.members {
        if let Some(member) = candidates.observations.get(member.as_str()) {
            note_ancestors(candidates, member, above, ancestors_of);
        }
    }
    if deeper {
        above.pop();
    }
}
