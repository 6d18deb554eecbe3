//! Our own CodeSystems, ValueSets and OperationDefinition: the files of `mappings/fhir` (FHIR R4).
//!
//! They name the default base, and the site's stands in its place wherever they leave the program. The displays of our
//! codes are read from them, and a code that the program writes and no file defines is a fault that loading names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use enumset::EnumSet;
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::Value;

use super::table::MappingError;
use crate::her2::decision::{Category, Group, NextAction, ReviewCode, Status};
use crate::her2::guideline::Edition;

/// Code systems of what is written, by the last part of their URI.
pub mod system {
    /// Kinds of status.
    pub const CATEGORY: &str = "her2-category";
    /// What to do next.
    pub const NEXT_ACTION: &str = "her2-next-action";
    /// Groups of a dual-probe count.
    pub const ISH_GROUP: &str = "her2-ish-group";
    /// Parts of a result.
    pub const COMPONENT: &str = "her2-component";
    /// Editions.
    pub const GUIDELINE: &str = "her2-guideline";
    /// Why there is a Task.
    pub const REVIEW_REASON: &str = "her2-review-reason";
    /// Statuses.
    pub const STATUS: &str = "her2-status";
}

/// Parts of a result that have a code of our own.
pub mod component {
    /// The kind of status.
    pub const CATEGORY: &str = "category";
    /// What to do next.
    pub const NEXT_ACTION: &str = "next-action";
    /// Group of the first count.
    pub const ISH_GROUP: &str = "ish-group";
    /// Group of the recount.
    pub const RECOUNT_GROUP: &str = "recount-group";
    /// Group of the adjudicated result.
    pub const ADJUDICATED_GROUP: &str = "adjudicated-group";
}

/// What a Task asks for, and why where that is the same: a signature.
pub const SIGN_OFF: &str = "sign-off";

/// What a Task asks for: a look at a question.
pub const REVIEW: &str = "review";

/// Why a Task asks: no in situ hybridisation was reported in time.
pub const REFLEX_OVERDUE: &str = "reflex-overdue";

/// Why a Task asks: the order of the in situ hybridisation was cancelled.
pub const REFLEX_CANCELLED: &str = "reflex-cancelled";

/// What a Task asks for, and why: that those are told who relied on a final result.
pub const FINAL_CHANGED: &str = "final-changed";

/// The base that the files name.
const BASE_OF_FILES: &str = "https://her2-adapter.example/fhir";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/mappings/fhir");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource_type: String,
    id: String,
    #[serde(default)]
    concept: Vec<Concept>,
}

#[derive(Deserialize)]
struct Concept {
    code: String,
    display: String,
}

type Displays = BTreeMap<String, BTreeMap<String, String>>;

/// The displays of each code system. A file that cannot be read is none; [`check`] names it.
static DISPLAYS: LazyLock<Displays> = LazyLock::new(|| read().unwrap_or_default());

fn read() -> Result<Displays, MappingError> {
    let mut displays = Displays::new();
    for (name, text) in files() {
        let resource: Resource =
            serde_json::from_str(text).map_err(|error| fault(name, error.to_string()))?;
        if resource.resource_type == "CodeSystem" {
            let concepts = resource.concept.into_iter();
            let codes = concepts.map(|concept| (concept.code, concept.display));
            displays.insert(resource.id, codes.collect());
        }
    }
    Ok(displays)
}

fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.files().filter_map(|file| {
        let name = file.path().file_name()?.to_str()?;
        Some((name, file.contents_utf8()?))
    })
}

fn fault(file: &str, message: String) -> MappingError {
    MappingError::Unreadable {
        file: format!("fhir/{file}"),
        message,
    }
}

/// How a code of ours is displayed.
pub fn display(system: &str, code: &str) -> Option<&'static str> {
    Some(DISPLAYS.get(system)?.get(code)?.as_str())
}

/// The URI of a code system of ours.
pub fn uri(base: &str, system: &str) -> String {
    format!("{base}/CodeSystem/{system}")
}

/// The code of a group.
pub fn group_code(group: Group) -> String {
    format!("group-{}", group.number())
}

/// Every code that the program itself writes, by code system.
pub fn written_codes() -> BTreeMap<&'static str, Vec<String>> {
    fn owned<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
        names.into_iter().map(str::to_owned).collect()
    }
    let components = [
        component::CATEGORY,
        component::NEXT_ACTION,
        component::ISH_GROUP,
        component::RECOUNT_GROUP,
        component::ADJUDICATED_GROUP,
    ];
    let statuses = EnumSet::all().iter().map(Status::name);
    let categories = EnumSet::all().iter().map(Category::name);
    let actions = EnumSet::all().iter().map(NextAction::name);
    let reasons = EnumSet::all().iter().map(ReviewCode::name);
    BTreeMap::from([
        (system::STATUS, owned(statuses)),
        (system::CATEGORY, owned(categories)),
        (system::NEXT_ACTION, owned(actions)),
        (
            system::ISH_GROUP,
            EnumSet::all().iter().map(group_code).collect(),
        ),
        (system::COMPONENT, owned(components)),
        (system::GUIDELINE, owned(Edition::ALL.map(Edition::id))),
        (
            system::REVIEW_REASON,
            owned(reasons.chain([
                SIGN_OFF,
                REVIEW,
                FINAL_CHANGED,
                REFLEX_OVERDUE,
                REFLEX_CANCELLED,
            ])),
        ),
    ])
}

/// Whether every code that is written has its place in a file.
///
/// # Errors
/// [`MappingError`] names the file that cannot be read, or the code that it does not define.
pub fn check() -> Result<(), MappingError> {
    check_that_all_are_defined(&read()?)
}

fn check_that_all_are_defined(displays: &Displays) -> Result<(), MappingError> {
    for (system, codes) in written_codes() {
        let defined = displays.get(system);
        let is_defined = |code: &String| defined.is_some_and(|codes| codes.contains_key(code));
        if let Some(code) = codes.iter().find(|code| !is_defined(code)) {
            return Err(fault(
                &format!("CodeSystem-{system}.json"),
                format!("it does not define `{code}`, which is written"),
            ));
        }
    }
    Ok(())
}

/// All resources under a site's base, in the order of their file names.
pub fn resources(base: &str) -> Vec<Value> {
    let mut resources: Vec<(&str, Value)> = files()
        .filter_map(|(name, text)| {
            let resource = serde_json::from_str(&text.replace(BASE_OF_FILES, base)).ok()?;
            Some((name, resource))
        })
        .collect();
    resources.sort_unstable_by_key(|(name, _)| *name);
    resources.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mapping::output::{OUTPUT, OutputCodes};
    use crate::mapping::shipped;
    use crate::mapping::table::layers::{SourceFile, Stack};

    fn all() -> Vec<Value> {
        resources(BASE_OF_FILES)
    }

    #[test]
    fn every_code_that_is_written_is_defined_and_every_defined_code_is_written_or_read() {
        check().unwrap();
        let base = SourceFile {
            name: "base".to_owned(),
            text: shipped::BASE.to_owned(),
        };
        let stack = Stack::read(&[vec![base]], BASE_OF_FILES);
        let evidence = uri(BASE_OF_FILES, "her2-evidence");
        let read_codes: Vec<String> = (stack.rows_in_force().into_iter())
            .filter(|(_, system)| *system == evidence)
            .map(|(placed, _)| placed.row.text.clone())
            .collect();
        let mut used = written_codes();
        used.insert("her2-evidence", read_codes);
        let sorted = |codes: &[String]| codes.iter().cloned().collect::<BTreeSet<String>>();
        let used: BTreeMap<String, BTreeSet<String>> = (used.iter())
            .map(|(system, codes)| ((*system).to_owned(), sorted(codes)))
            .collect();
        let defined: BTreeMap<String, BTreeSet<String>> = (read().unwrap().into_iter())
            .map(|(system, codes)| (system, codes.into_keys().collect()))
            .collect();
        assert_eq!(defined, used);
    }

    #[test]
    fn a_code_without_a_definition_is_named() {
        let mut displays = read().unwrap();
        displays
            .get_mut(system::CATEGORY)
            .unwrap()
            .remove("ultralow");
        let error = check_that_all_are_defined(&displays)
            .unwrap_err()
            .to_string();
        assert!(error.contains("CodeSystem-her2-category.json"), "{error}");
        assert!(error.contains("`ultralow`"), "{error}");
    }

    #[test]
    fn an_edition_has_the_same_title_in_its_code_system() {
        for edition in Edition::ALL {
            assert_eq!(
                display(system::GUIDELINE, edition.id()),
                Some(edition.title())
            );
        }
    }

    #[test]
    fn a_file_is_named_after_its_resource_and_counts_its_codes() {
        assert_eq!(files().count(), all().len());
        for (name, text) in files() {
            let resource: Value = serde_json::from_str(text).unwrap();
            let part = |key: &str| resource[key].as_str().unwrap().to_owned();
            let (kind, id) = (part("resourceType"), part("id"));
            assert_eq!(name, format!("{kind}-{id}.json"));
            assert_eq!(part("url"), format!("{BASE_OF_FILES}/{kind}/{id}"));
            if kind == "CodeSystem" {
                assert_eq!(
                    resource["count"],
                    resource["concept"].as_array().unwrap().len()
                );
            }
        }
    }

    #[test]
    fn a_site_gets_the_resources_under_its_own_base() {
        let ours = resources("https://hospital.example/her2");
        assert!(ours.iter().all(|resource| {
            let text = resource.to_string();
            text.contains("https://hospital.example/her2/") && !text.contains(BASE_OF_FILES)
        }));
    }

    /// `system|code` and display of everything that a value set lists by name.
    fn listed(id: &str) -> BTreeSet<(String, String)> {
        let set = all().into_iter().find(|set| set["id"] == id).unwrap();
        let includes = set["compose"]["include"].as_array().unwrap().clone();
        let concepts = includes.iter().flat_map(|include| {
            let concepts = include["concept"].as_array().cloned().unwrap_or_default();
            concepts.into_iter().map(|concept| {
                let part = |value: &Value| value.as_str().unwrap().to_owned();
                let code = format!("{}|{}", part(&include["system"]), part(&concept["code"]));
                (code, part(&concept["display"]))
            })
        });
        concepts.collect()
    }

    #[test]
    fn value_sets_list_the_foreign_codes_that_are_written() {
        let codes = OutputCodes::load(OUTPUT).unwrap();
        let named = |codes: Vec<&crate::mapping::output::Code>| -> BTreeSet<(String, String)> {
            (codes.into_iter())
                .map(|code| {
                    (
                        format!("{}|{}", code.system, code.code),
                        code.display.clone(),
                    )
                })
                .collect()
        };
        let status = &codes.status;
        let statuses = [
            &status.positive,
            &status.negative,
            &status.equivocal,
            &status.indeterminate,
        ];
        let mut values = named(
            (statuses.iter())
                .flat_map(|status| [&status.snomed, &status.loinc])
                .collect(),
        );
        let insufficient = Status::Insufficient.name();
        values.insert((
            format!("{}|{insufficient}", uri(BASE_OF_FILES, system::STATUS)),
            display(system::STATUS, insufficient).unwrap().to_owned(),
        ));
        assert_eq!(listed("her2-result-status"), values);
        let interpretations = statuses.map(|status| &status.interpretation).to_vec();
        assert_eq!(listed("her2-result-interpretation"), named(interpretations));
        assert_eq!(
            listed("her2-result-ihc-score"),
            named(codes.score.values().collect())
        );
        let questions = &codes.codes;
        let components = vec![
            &questions.ihc_score_breast,
            &questions.ihc_score,
            &questions.ish_ratio,
            &questions.ish_her2_copies,
            &questions.ish_cep17_copies,
            &questions.ish_cells,
        ];
        assert_eq!(listed("her2-result-component"), named(components));
    }
}
