//! What belongs together: items of one piece of tumour tissue of one patient make one case.
//!
//! A specimen decides where there is one. Without it an accession joins only when a single tumour specimen and side
//! is possible there; else the report stands alone, and last the Observation.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::gather::Item;
use crate::fhir::candidates::{Candidates, ReportNode};
use crate::fhir::elements::Concept;
use crate::fhir::tissue::{Specimens, Tissue};
use crate::her2::evidence::JoinedBy;
use crate::mapping::table::{Mapping, Side, hex};

/// What a case stands on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaseKey {
    /// The patient.
    pub subject: Option<String>,
    /// A tissue, an accession, a report or an Observation, with its kind in front.
    pub stands_on: String,
}

impl CaseKey {
    /// The case id: the same inputs give the same id on every machine.
    pub fn id(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"her2-case\n");
        hasher.update(self.subject.as_deref().unwrap_or("").as_bytes());
        hasher.update(b"\n");
        hasher.update(self.stands_on.as_bytes());
        let digest = hex(&hasher.finalize());
        format!("case-{}", digest.get(..32).unwrap_or(&digest))
    }
}

/// How an item came to its case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The case.
    pub key: CaseKey,
    /// The rule.
    pub by: JoinedBy,
    /// The tissue, if the case stands on one.
    pub tissue: Option<String>,
    /// The block the item itself names.
    pub block: Option<String>,
    /// Different sides or specimens are possible, and nothing tells them apart.
    pub unclear: bool,
}

/// Finds the case of each item, in the order of the items.
pub fn join(
    items: &[Item<'_>],
    candidates: &Candidates<'_>,
    specimens: &Specimens<'_>,
    mapping: &Mapping,
) -> Vec<Joined> {
    let carrying: BTreeSet<String> = items
        .iter()
        .filter(|item| !item.pieces.is_empty())
        .filter_map(|item| item.specimen.clone())
        .collect();
    let tissues = specimens.tissues(&carrying, |node| {
        let is_slide = |concept: &Concept<'_>| mapping.is_slide(concept);
        node.kinds.iter().any(is_slide)
    });
    let accessions = Accessions::read(items, candidates, &tissues);
    items
        .iter()
        .map(|item| {
            if let Some(specimen) = &item.specimen {
                let tissue = joined_at(&tissues, specimen);
                return Joined {
                    key: CaseKey {
                        subject: item.subject.clone(),
                        stands_on: format!("specimen {tissue}"),
                    },
                    by: JoinedBy::Specimen,
                    block: tissues.get(specimen).map(|tissue| tissue.block.clone()),
                    tissue: Some(tissue),
                    unclear: false,
                };
            }
            accessions.join(item)
        })
        .collect()
}

/// Reports, and Observations without one, grouped by the accession or order they share.
struct Accessions<'i> {
    /// The group of each report or Observation.
    group_of: BTreeMap<&'i str, usize>,
    groups: Vec<Group>,
}

#[derive(Default)]
struct Group {
    /// What the group stands on; chosen from its earliest report, so that a later addendum does not change it.
    stands_on: String,
    size: usize,
    tissues: BTreeSet<String>,
    sides: BTreeSet<Side>,
    /// The tumour Conditions that results name, one set for each way to name them.
    foci: BTreeSet<Vec<String>>,
}

impl<'i> Accessions<'i> {
    fn read(
        items: &'i [Item<'_>],
        candidates: &'i Candidates<'_>,
        tissues: &BTreeMap<String, Tissue>,
    ) -> Self {
        // Everything that can share an accession: key, tokens, and when it was issued.
        let mut members: Vec<(&'i str, Vec<String>, Option<&ReportNode<'_>>)> = Vec::new();
        for report in candidates.reports.values() {
            let mut tokens = report_tokens(report);
            tokens.extend(report.based_on.iter().map(|order| format!("order {order}")));
            members.push((report.key, tokens, Some(report)));
        }
        for item in items.iter().filter(|item| item.reports.is_empty()) {
            if let Some(observation) = item.observation
                && item.ancestors.is_empty()
            {
                let tokens = observation
                    .based_on
                    .iter()
                    .map(|order| format!("order {order}"))
                    .collect();
                members.push((observation.key, tokens, None));
            }
        }

        let mut group_of: BTreeMap<&'i str, usize> = BTreeMap::new();
        let mut group_of_token: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, (key, tokens, _)) in members.iter().enumerate() {
            let earlier: BTreeSet<usize> = tokens
                .iter()
                .filter_map(|token| group_of_token.get(token.as_str()).copied())
                .collect();
            let group = earlier.first().copied().unwrap_or(index);
            for merged in earlier {
                for other in group_of.values_mut().chain(group_of_token.values_mut()) {
                    if *other == merged {
                        *other = group;
                    }
                }
            }
            group_of.insert(key, group);
            for token in tokens {
                group_of_token.insert(token, group);
            }
        }

        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        let mut earliest: BTreeMap<usize, (chrono::DateTime<chrono::Utc>, &str)> = BTreeMap::new();
        for (key, tokens, report) in &members {
            let Some(index) = group_of.get(key).copied() else {
                continue;
            };
            let group = groups.entry(index).or_default();
            group.size += 1;
            if let Some(report) = report {
                let named = report.specimens.iter();
                group
                    .tissues
                    .extend(named.map(|specimen| joined_at(tissues, specimen)));
            }
            let issued = report.and_then(|report| report.issued.as_ref()).map_or(
                chrono::DateTime::<chrono::Utc>::MAX_UTC,
                crate::fhir::dates::Date::earliest,
            );
            if earliest
                .get(&index)
                .is_none_or(|first| (issued, *key) < *first)
            {
                earliest.insert(index, (issued, key));
                group.stands_on = match tokens.first() {
                    Some(token) => format!("accession {token}"),
                    None if report.is_some() => format!("report {key}"),
                    None => format!("observation {key}"),
                };
            }
        }
        for item in items {
            let key = item.reports.first().copied().or_else(|| item.root());
            if let Some(group) = key
                .and_then(|key| group_of.get(key))
                .and_then(|index| groups.get_mut(index))
            {
                group.sides.extend(item.side);
                let foci = item
                    .observation
                    .map(|observation| observation.conditions.clone());
                group
                    .foci
                    .extend(foci.filter(|foci| item.is_evidence() && !foci.is_empty()));
                if let Some(specimen) = &item.specimen {
                    group.tissues.insert(joined_at(tissues, specimen));
                }
            }
        }
        let positions: BTreeMap<usize, usize> = groups
            .keys()
            .enumerate()
            .map(|(position, index)| (*index, position))
            .collect();
        Self {
            group_of: group_of
                .into_iter()
                .filter_map(|(key, index)| Some((key, *positions.get(&index)?)))
                .collect(),
            groups: groups.into_values().collect(),
        }
    }

    /// The case of an item that names no specimen.
    fn join(&self, item: &Item<'_>) -> Joined {
        let own = item.reports.first().copied().or_else(|| item.root());
        let alone = |unclear| {
            let (by, key) = match (item.reports.first(), own) {
                (Some(report), _) => (JoinedBy::Report, format!("report {report}")),
                (None, Some(root)) => (JoinedBy::Observation, format!("observation {root}")),
                (None, None) => (
                    JoinedBy::Observation,
                    format!("observation {}", item.source.reference),
                ),
            };
            Joined {
                key: CaseKey {
                    subject: item.subject.clone(),
                    stands_on: key,
                },
                by,
                tissue: None,
                block: None,
                unclear,
            }
        };
        let Some(group) = own
            .and_then(|key| self.group_of.get(key))
            .and_then(|index| self.groups.get(*index))
        else {
            return alone(false);
        };
        if group.sides.len() > 1 || group.tissues.len() > 1 || group.foci.len() > 1 {
            return alone(true);
        }
        let by = match (group.size, item.reports.is_empty()) {
            (1, true) => JoinedBy::Observation,
            (1, false) => JoinedBy::Report,
            _ => JoinedBy::Accession,
        };
        let tissue = group.tissues.first().cloned();
        Joined {
            key: CaseKey {
                subject: item.subject.clone(),
                stands_on: match &tissue {
                    Some(tissue) => format!("specimen {tissue}"),
                    None => group.stands_on.clone(),
                },
            },
            by,
            tissue,
            block: None,
            unclear: false,
        }
    }
}

fn joined_at(tissues: &BTreeMap<String, Tissue>, specimen: &str) -> String {
    tissues
        .get(specimen)
        .map_or_else(|| specimen.to_owned(), |tissue| tissue.joined_at.clone())
}

/// The identifiers of a report, its accession number first.
fn report_tokens(report: &ReportNode<'_>) -> Vec<String> {
    let mut identifiers: Vec<_> = report.identifiers.iter().collect();
    identifiers.sort_by_key(|identifier| !identifier.kinds.contains(&"ACSN"));
    identifiers
        .iter()
        .map(|identifier| identifier.token())
        .collect()
}
