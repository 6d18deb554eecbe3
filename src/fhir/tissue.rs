//! Which pieces of tissue are one: specimens, their parents, and which of them carry evidence.

use std::collections::{BTreeMap, BTreeSet};

use super::elements::{Concept, Reference};
use super::pool::{Pool, Resource};

/// Specimens are followed this far up. A slide is cut from a block, and that from a part; a longer way than this was
/// walked by nobody.
const MOST_GENERATIONS: usize = 32;

/// The extension by which a specimen names a Condition of which it holds material (MII module Biobank).
pub const DIAGNOSIS: &str = "https://www.medizininformatik-initiative.de/fhir/ext/modul-biobank/StructureDefinition/Diagnose";

/// A specimen as sent.
#[derive(Clone, Debug)]
pub struct SpecimenNode<'r> {
    /// Its key in the pool.
    pub key: &'r str,
    /// Its type, and the types of its containers.
    pub kinds: Vec<Concept<'r>>,
    /// What it was taken from.
    pub parents: Vec<String>,
    /// Where it was taken.
    pub body_site: Option<Concept<'r>>,
    /// Whose it is.
    pub subject: Option<String>,
    /// The Conditions of which it is said to hold material.
    pub conditions: Vec<String>,
    /// The whole resource.
    pub resource: &'r Resource<'r>,
}

/// Where a specimen that carries evidence belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tissue {
    /// The block a slide was cut from; any other specimen itself.
    pub block: String,
    /// The tissue at which the case is joined.
    pub joined_at: String,
}

/// The specimens of a pool.
#[derive(Debug, Default)]
pub struct Specimens<'r> {
    nodes: BTreeMap<&'r str, SpecimenNode<'r>>,
}

impl<'r> Specimens<'r> {
    /// Reads the specimens of a pool.
    pub fn read(pool: &'r Pool<'r>) -> Self {
        let nodes = pool
            .of_kind_anywhere("Specimen")
            .map(|resource| {
                let json = &resource.json;
                let parents = Reference::read_all(json, "parent")
                    .iter()
                    .filter_map(|parent| pool.key_of(parent, "Specimen", &resource.key))
                    .collect();
                let mut kinds: Vec<Concept<'r>> =
                    json.get("type").map(Concept::read).into_iter().collect();
                kinds.extend(
                    json.items_at("container")
                        .iter()
                        .filter_map(|container| container.get("type").map(Concept::read)),
                );
                let subject = json.get("subject").and_then(|subject| {
                    pool.key_of(&Reference::read(subject), "Patient", &resource.key)
                        .map(|patient| pool.surviving(patient))
                });
                let conditions = (json.items_at("extension").iter())
                    .filter(|extension| extension.text_at("url") == Some(DIAGNOSIS))
                    .filter_map(|extension| {
                        let condition = Reference::read(extension.get("valueReference")?);
                        pool.key_of(&condition, "Condition", &resource.key)
                    })
                    .collect();
                let node = SpecimenNode {
                    subject,
                    conditions,
                    key: &resource.key,
                    kinds,
                    parents,
                    body_site: json
                        .get("collection")
                        .and_then(|collection| collection.get("bodySite"))
                        .map(Concept::read_referable),
                    resource,
                };
                (node.key, node)
            })
            .collect();
        Self { nodes }
    }

    /// Every specimen, by key.
    pub fn all(&self) -> impl Iterator<Item = &SpecimenNode<'r>> {
        self.nodes.values()
    }

    /// One specimen.
    pub fn get(&self, key: &str) -> Option<&SpecimenNode<'r>> {
        self.nodes.get(key)
    }

    /// A specimen and what it was taken from, nearest first. Ends where a specimen has several parents, and after 32.
    pub fn lineage<'s>(&'s self, key: &'s str) -> Vec<&'s str> {
        let mut lineage = vec![key];
        let mut current = key;
        while let Some([parent]) = self.nodes.get(current).map(|node| node.parents.as_slice()) {
            if lineage.len() == MOST_GENERATIONS || lineage.contains(&parent.as_str()) {
                break;
            }
            lineage.push(parent);
            current = parent;
        }
        lineage
    }

    /// Joins the specimens that carry evidence into tissues: slides of one block are one; a part or block is one with
    /// a descendant when that is the only descendant with evidence. Different blocks are never joined. Each specimen
    /// is given the tissue at which it is joined.
    pub fn tissues(
        &self,
        with_evidence: &BTreeSet<String>,
        is_slide: impl Fn(&SpecimenNode<'r>) -> bool,
    ) -> BTreeMap<String, Tissue> {
        // A slide stands for the block it was cut from.
        let block_of = |specimen: &str| {
            self.lineage(specimen)
                .into_iter()
                .find(|key| !self.nodes.get(key).is_some_and(&is_slide))
                .unwrap_or(specimen)
                .to_owned()
        };
        let blocks: BTreeMap<String, String> = with_evidence
            .iter()
            .map(|specimen| (specimen.clone(), block_of(specimen)))
            .collect();
        let carrying: BTreeMap<&String, Vec<&str>> = blocks
            .values()
            .map(|block| (block, self.lineage(block)))
            .collect();

        // From the deepest up, so that a part sees what its blocks were already joined into.
        let mut deepest_first: Vec<(usize, &String)> = carrying
            .iter()
            .map(|(block, lineage)| (lineage.len(), *block))
            .collect();
        deepest_first.sort_by(|one, two| two.0.cmp(&one.0).then(one.1.cmp(two.1)));
        let mut joined_at: BTreeMap<&String, &String> =
            carrying.keys().map(|block| (*block, *block)).collect();
        for (_, ancestor) in &deepest_first {
            let below: BTreeSet<&String> = joined_at
                .iter()
                .filter(|(block, _)| {
                    let lineage = carrying.get(*block);
                    *block != ancestor
                        && lineage.is_some_and(|lineage| lineage.contains(&ancestor.as_str()))
                })
                .map(|(_, tissue)| *tissue)
                .collect();
            if below.len() == 1 {
                for tissue in joined_at.values_mut() {
                    if below.contains(*tissue) {
                        *tissue = ancestor;
                    }
                }
            }
        }
        blocks
            .iter()
            .map(|(specimen, block)| {
                let joined_at = joined_at.get(block).map_or(block, |tissue| *tissue);
                let tissue = Tissue {
                    block: block.clone(),
                    joined_at: joined_at.clone(),
                };
                (specimen.clone(), tissue)
            })
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fhir::json::Json;

    /// Specimens as `child<parent`, slides beginning with `slide`.
    fn tissues(tree: &[&str], with_evidence: &[&str]) -> BTreeMap<String, String> {
        let texts: Vec<String> = tree
            .iter()
            .map(|entry| match entry.split_once('<') {
                Some((child, parent)) => format!(
                    r#"{{"resourceType":"Specimen","id":"{child}","parent":[{{"reference":"Specimen/{parent}"}}]}}"#
                ),
                None => format!(r#"{{"resourceType":"Specimen","id":"{entry}"}}"#),
            })
            .collect();
        let mut pool = Pool::new(None);
        for text in &texts {
            pool.add(Json::parse(text).unwrap(), None, "a test")
                .unwrap();
        }
        let specimens = Specimens::read(&pool);
        let evidence = with_evidence
            .iter()
            .map(|id| format!("Specimen/{id}"))
            .collect();
        specimens
            .tissues(&evidence, |node| node.key.contains("slide"))
            .into_iter()
            .map(|(one, two)| {
                let short = |key: String| key.trim_start_matches("Specimen/").to_owned();
                (short(one), short(two.joined_at))
            })
            .collect()
    }

    fn joined(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(one, two)| ((*one).to_owned(), (*two).to_owned()))
            .collect()
    }

    #[test]
    fn slides_of_one_block_are_one_tissue() {
        let tree = ["part", "block<part", "slide1<block", "slide2<block"];
        assert_eq!(
            tissues(&tree, &["slide1", "slide2"]),
            joined(&[("slide1", "block"), ("slide2", "block")])
        );
    }

    #[test]
    fn a_part_is_joined_with_its_only_block_that_has_evidence() {
        let tree = ["part", "a<part", "b<part"];
        assert_eq!(
            tissues(&tree, &["part", "a"]),
            joined(&[("part", "part"), ("a", "part")])
        );
    }

    #[test]
    fn different_blocks_are_never_joined_not_even_through_their_part() {
        let tree = ["part", "a<part", "b<part"];
        assert_eq!(
            tissues(&tree, &["a", "b"]),
            joined(&[("a", "a"), ("b", "b")])
        );
        assert_eq!(
            tissues(&tree, &["part", "a", "b"]),
            joined(&[("part", "part"), ("a", "a"), ("b", "b")])
        );
    }

    #[test]
    fn a_chain_of_only_descendants_is_one_tissue() {
        let tree = ["part", "block<part", "core<block"];
        assert_eq!(
            tissues(&tree, &["part", "block", "core"]),
            joined(&[("part", "part"), ("block", "part"), ("core", "part")])
        );
    }

    #[test]
    fn a_loop_of_parents_ends() {
        assert_eq!(tissues(&["a<b", "b<a"], &["a"]), joined(&[("a", "a")]));
        assert_eq!(
            tissues(&["slide1<slide2", "slide2<slide1"], &["slide1"]).len(),
            1
        );
    }
}
